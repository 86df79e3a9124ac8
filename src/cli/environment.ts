import type { LedgerLayout } from '../audit/postgres/schema.js';
import type { UserIdType } from '../audit/postgres/user-id.js';
import { maskUrl } from './mask-url.js';
import { UsageError } from './usage-error.js';

/** What a command needs to reach. */
export type Needed = 'redis' | 'postgres';

/** The environment, checked. */
export interface Environment {
  redisUrl: string | undefined;
  databaseUrl: string | undefined;
  layout: LedgerLayout;
  prefix: string;
  /** Undefined where it is to be read from Redis. */
  buckets: number | undefined;
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const TYPES: UserIdType[] = ['text', 'integer', 'bigint', 'uuid'];

/** Shown by `--help`. */
export const ENVIRONMENT_HELP = `
Environment:
  REDIS_URL        redis://… or rediss://…; of a Cluster, any node
  DATABASE_URL     postgres://user:password@host:5432/database
  LEDGER_SCHEMA    the schema of the audit tables (default: public)
  USER_ID_TYPE     text, integer, bigint or uuid (default: text)
  USERS_TABLE      the users table that the audit tables refer to (default: none)
  USERS_COLUMN     its column (default: id)
  SESSION_PREFIX   the module's option \`prefix\` (default: sess)
  SESSION_BUCKETS  the module's option \`buckets\` (default: as Redis says)`;

/**
 * Reads the environment as `ormconfig.ts` does.
 *
 * @throws UsageError which names the variable, its value and the remedy
 */
export function readEnvironment(env: NodeJS.ProcessEnv, needed: Needed[]): Environment {
  const { REDIS_URL, DATABASE_URL, LEDGER_SCHEMA, USERS_TABLE, USERS_COLUMN } = env;
  for (const part of USERS_TABLE?.split('.') ?? []) checkIdentifier('USERS_TABLE', part);
  checkIdentifier('LEDGER_SCHEMA', LEDGER_SCHEMA);
  checkIdentifier('USERS_COLUMN', USERS_COLUMN);
  return {
    redisUrl: needed.includes('redis')
      ? checkUrl('REDIS_URL', REDIS_URL, /^rediss?:$/, 'redis://localhost:6379')
      : undefined,
    databaseUrl: needed.includes('postgres')
      ? checkUrl(
          'DATABASE_URL',
          DATABASE_URL,
          /^postgres(ql)?:$/,
          'postgres://user@localhost/ledger',
        )
      : undefined,
    layout: {
      schema: LEDGER_SCHEMA || undefined,
      userId: {
        type: userIdType(env.USER_ID_TYPE),
        references: USERS_TABLE
          ? { table: USERS_TABLE, column: USERS_COLUMN || undefined }
          : undefined,
      },
    },
    prefix: prefixOf(env.SESSION_PREFIX),
    buckets: bucketsOf(env.SESSION_BUCKETS),
  };
}

function checkUrl(
  name: string,
  value: string | undefined,
  scheme: RegExp,
  example: string,
): string {
  if (!value) throw new UsageError(`${name} is not set. Set it, such as ${name}=${example}`);
  if (URL.canParse(value) && scheme.test(new URL(value).protocol)) return value;
  throw new UsageError(
    `${name} is ${maskUrl(value)}, which is no URL of the kind ${example}. In a password, ` +
      'characters such as @ : / # ? have to be percent-encoded.',
  );
}

function checkIdentifier(name: string, value: string | undefined): void {
  if (!value || IDENTIFIER.test(value)) return;
  throw new UsageError(
    `${name} is ${JSON.stringify(value)}; use a plain SQL identifier: letters, digits, underscores.`,
  );
}

function userIdType(value: string | undefined): UserIdType | undefined {
  if (!value) return undefined;
  const type = TYPES.find((each) => each === value);
  if (type) return type;
  throw new UsageError(`USER_ID_TYPE is ${JSON.stringify(value)}; use ${TYPES.join(', ')}.`);
}

function prefixOf(value: string | undefined): string {
  if (!value) return 'sess';
  if (/^[^{}\s]{1,64}$/.test(value)) return value;
  throw new UsageError(
    `SESSION_PREFIX is ${JSON.stringify(value)}; use what the module has as \`prefix\`: ` +
      '1 to 64 characters without braces or spaces.',
  );
}

function bucketsOf(value: string | undefined): number | undefined {
  if (!value) return undefined;
  const buckets = Number(value);
  if (Number.isInteger(buckets) && buckets >= 1 && buckets <= 256) return buckets;
  throw new UsageError(`SESSION_BUCKETS is ${JSON.stringify(value)}; use 1 to 256.`);
}
