import type { Logger } from '@nestjs/common';

import type { AuditRun } from '../reconcile/audit-run.js';
import type { ReconcileReport } from '../reconcile/audit-state.js';
import type { NightlyAudit } from '../reconcile/nightly-audit.js';

/**
 * Runs the nightly audit in a worker. The job only begins it: it may take hours, and a job that takes
 * hours keeps others waiting. Each worker looks every few seconds whether an audit has to go on, and
 * one of them does it.
 */
export class NightWatch {
  private running: Promise<void> | undefined;

  constructor(
    private readonly audit: NightlyAudit,
    private readonly signal: AbortSignal,
    private readonly logger: Logger,
  ) {}

  /** Begins an audit, unless one is under way. */
  async begin(): Promise<void> {
    await this.audit.begin();
    this.continue();
  }

  /** Continues the audit that is under way, if no other process does. Never twice at a time. */
  continue(): void {
    if (this.signal.aborted) return;
    this.running ??= this.run().finally(() => (this.running = undefined));
  }

  /** Resolves once nothing runs any more. */
  async stopped(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      const run = await this.audit.continue({ signal: this.signal });
      if (run) this.report(run);
    } catch (error) {
      // The watch of the backlog and the health report servers that are down; it goes on from here.
      this.logger.debug(`The nightly audit stopped and will go on: ${String(error)}`);
    }
  }

  private report({ state, errors }: AuditRun): void {
    for (const line of describe(state.report)) this.logger.warn(line);
    for (const error of errors) this.logger.warn(`A part was not audited: ${String(error)}`);
  }
}

function describe(report: ReconcileReport): string[] {
  const { missing, held, resurrected, recovered, repaired } = report;
  const lines: [applies: boolean, text: string][] = [
    [
      held,
      `${missing} sessions that are open in Postgres are not in Redis. That is too many to declare ` +
        'them lost: check that this is the right Redis, and that it was not emptied. If it is right, ' +
        'run `session-ledger reconcile --accept-losses`.',
    ],
    [!held && missing > 0, `Redis had lost ${missing} sessions. Their ends are recorded as lost.`],
    [
      resurrected > 0,
      `Redis had brought back ${resurrected} ended sessions. They were ended again.`,
    ],
    [recovered > 0, `Postgres did not know ${recovered} live sessions. They are recorded.`],
    [
      repaired > 0,
      `The indexes in Redis were wrong about ${repaired} sessions. They are corrected.`,
    ],
  ];
  return lines.filter(([applies]) => applies).map(([, text]) => text);
}
