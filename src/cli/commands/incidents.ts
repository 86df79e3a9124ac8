import type { Incident } from '../../audit/guard/incidents.js';
import { PREFIX } from '../../option-rules.js';
import { defineCommand, wholeNumberOption } from '../command-line.js';
import { count, table } from '../output.js';
import { describeReport } from './reconcile.js';

const DEFAULT_LIMIT = 100;

export const incidents = defineCommand<{ limit: number; before: string }>({
  name: 'incidents',
  description: 'list what went wrong: rollbacks, losses, refused bindings',
  requires: ['postgres'],
  options: {
    limit: wholeNumberOption(1, 10_000, `list at most this many (default: ${DEFAULT_LIMIT})`),
    before: {
      value: '<seq>',
      description: 'list those before this one',
      parse: (text) => (/^\d{1,18}$/.test(text) ? text : undefined),
      remedy: 'use the seq of an incident',
    },
  },
  async run({ audit }, output, { limit = DEFAULT_LIMIT, before }) {
    const found = await audit.incidents({ limit, before });
    const next = found.length === limit ? found.at(-1)!.seq : null;
    output.result({ incidents: found, next }, () => [
      ...(found.length > 0 ? [listing(found)] : []),
      ...(next ? [`For more, add --before ${next}`] : []),
      `${count(found.length, 'incident')}, newest first.`,
    ]);
    return true;
  },
});

function listing(found: Incident[]): string {
  return table(
    ['seq', 'recorded', 'kind', 'bucket', 'session', 'details'],
    found.map(({ seq, recordedAt, kind, chain, handle, details }) => [
      seq,
      recordedAt.toISOString(),
      kind,
      chain ?? '',
      handle ?? '',
      Object.entries(details)
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(' '),
    ]),
  );
}

export const adopt = defineCommand<{ from: string; 'from-prefix': string }>({
  name: 'adopt',
  description: 'confirm that this Redis continues the ledger, after it was replaced or emptied',
  requires: ['redis', 'postgres'],
  options: {
    from: {
      value: '<ledger>',
      description: 'take this Redis from the ledger with this ID, which is gone for good',
      parse: (text) => (/^[0-9a-f-]{36}$/.test(text) ? text : undefined),
      remedy: 'use the ID of a ledger, as the error message has it',
    },
    'from-prefix': {
      value: '<prefix>',
      description: "the sessions have moved from this prefix to the module's",
      parse: (text) => (PREFIX.accepts(text) ? text : undefined),
      remedy: PREFIX.remedy,
    },
  },
  async run({ audit }, output, { from, 'from-prefix': fromPrefix }) {
    const report = await audit.adopt({ from, fromPrefix });
    const { ledger, adopted } = report;
    output.result(report, () =>
      adopted
        ? [`This Redis now continues the ledger ${ledger}.`, ...describeReport(report)]
        : [`This Redis is the one of the ledger ${ledger} already. Nothing was changed.`],
    );
    return true;
  },
});
