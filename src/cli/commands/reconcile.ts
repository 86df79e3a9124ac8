import type { ReconcileReport } from '../../audit/reconcile/audit-state.js';
import { defineCommand, flagOption } from '../command-line.js';
import { count } from '../output.js';

export const reconcile = defineCommand<{ 'accept-losses': boolean; paced: boolean }>({
  name: 'reconcile',
  description: 'compare Postgres with Redis, and put right what differs',
  requires: ['redis', 'postgres'],
  options: {
    'accept-losses': flagOption(
      'declare all missing sessions lost, even if they are most of them: this is the right Redis',
    ),
    paced: flagOption('pause between pages, as the comparison of each night does'),
  },
  async run({ audit }, output, { 'accept-losses': acceptLosses = false, paced = false }) {
    const report = await output.withProgress('Comparing', (onProgress) =>
      audit.reconcile({ acceptLosses, paced, onProgress }),
    );
    output.result(report, () => describeReport(report));
    const { missing, resurrected, recovered, repaired } = report;
    return missing + resurrected + recovered + repaired === 0;
  },
});

export function describeReport(report: ReconcileReport): string[] {
  const { checked, missing, held, resurrected, recovered, repaired } = report;
  return [
    `Compared ${count(checked, 'open session')} with Redis.`,
    ...(held
      ? [
          `${shown(missing)} are missing in Redis: too many to declare them lost.`,
          'Check that the environment names the right Redis. If it does, use --accept-losses.',
        ]
      : [`Missing in Redis, now recorded as lost: ${shown(missing)}.`]),
    `Already ended but back in Redis, now ended again: ${shown(resurrected)}.`,
    `Missing in Postgres, now recorded: ${shown(recovered)}.`,
    `Wrong in an index of Redis, now corrected: ${shown(repaired)}.`,
  ];
}

function shown(number: number): string {
  return number.toLocaleString('en');
}
