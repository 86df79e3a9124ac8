import { ledgerSettings, type LedgerSettings } from '../../audit/postgres/schema.js';
import { defineCommand, type CommandOption } from '../command-line.js';
import { LAYOUT_OPTIONS, type LayoutValues } from './tables.js';

type Kind = 'web' | 'worker' | 'operator' | 'auditor';

const KINDS: Record<Kind, (role: string, settings: LedgerSettings) => string[]> = {
  web: (role, settings) => [...reader(role, settings), ...binder(role, settings)],
  worker: recorder,
  operator: recorder,
  auditor: reader,
};

interface GrantsValues extends LayoutValues {
  role: Kind;
  to: string;
}

const ROLE: CommandOption<Kind> = {
  value: '<role>',
  description: 'web, worker, operator or auditor (default: all four)',
  parse: (text) => (text in KINDS ? (text as Kind) : undefined),
  remedy: 'use web, worker, operator or auditor',
};

const TO: CommandOption<string> = {
  value: '<name>',
  description: "the database role's name (default: session_ledger_ and the kind of role)",
  parse: (text) => (/^[^"\0]{1,63}$/.test(text) ? text : undefined),
  remedy: 'use the name of a database role, without quotes',
};

export const grants = defineCommand<GrantsValues>({
  name: 'grants',
  description: 'print the GRANT statements for a role that owns nothing; connects to nothing',
  requires: [],
  argument: 'role',
  options: { ...LAYOUT_OPTIONS, role: ROLE, to: TO },
  async run({ layout }, output, { role, to }) {
    const settings = ledgerSettings(layout);
    const kinds = role ? [role] : (Object.keys(KINDS) as Kind[]);
    const statements = kinds.flatMap((kind) =>
      KINDS[kind](`"${to ?? `session_ledger_${kind}`}"`, settings).map((text) => `${text};`),
    );
    output.result({ statements }, () => statements);
    return true;
  },
});

/** Reads everything. */
function reader(role: string, { tables: t }: LedgerSettings): string[] {
  const readable = [t.sessions, t.events, t.chains, t.deadLetters, t.ledger, t.incidents];
  return [
    `GRANT USAGE ON SCHEMA ${t.schema} TO ${role}`,
    `GRANT SELECT ON ${readable.join(', ')} TO ${role}`,
    `GRANT SELECT ON ${t.schema}.session_ledger_migrations TO ${role}`,
  ];
}

/** Ties Redis to the ledger at the first start, and records what it finds wrong. */
function binder(role: string, { tables: t }: LedgerSettings): string[] {
  return [`GRANT UPDATE ON ${t.ledger} TO ${role}`, `GRANT INSERT ON ${t.incidents} TO ${role}`];
}

/** Records events, and creates the partitions for them. */
function recorder(role: string, settings: LedgerSettings): string[] {
  const { tables: t, users } = settings;
  return [
    ...reader(role, settings),
    ...binder(role, settings),
    `GRANT INSERT ON ${t.events} TO ${role}`,
    `GRANT INSERT, UPDATE ON ${t.sessions}, ${t.deadLetters} TO ${role}`,
    `GRANT UPDATE ON ${t.chains} TO ${role}`,
    `GRANT EXECUTE ON FUNCTION ${t.schema}.make_session_partition(text, date) TO ${role}`,
    ...(users ? [`GRANT SELECT ("${users.column}") ON ${users.table} TO ${role}`] : []),
  ];
}
