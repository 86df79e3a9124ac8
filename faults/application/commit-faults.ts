import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import type { DataSource, QueryRunner } from 'typeorm';

import type { CommitFault } from './protocol.js';

/** Injects faults around the commits of transactions that write to the ledger. */
export class CommitFaults {
  private armed: { fault: CommitFault; happens: () => void } | undefined;

  /** Arms this fault instead of any that is already armed. Resolves when the fault happens. */
  arm(fault: CommitFault): Promise<void> {
    return new Promise((happens) => (this.armed = { fault, happens }));
  }

  /** Lets faults be injected into the transactions of this `DataSource`. */
  watch(dataSource: DataSource): DataSource {
    const create = dataSource.createQueryRunner.bind(dataSource);
    dataSource.createQueryRunner = (mode) => this.watchRunner(create(mode));
    return dataSource;
  }

  private watchRunner(runner: QueryRunner): QueryRunner {
    const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
    const commit = runner.commitTransaction.bind(runner);
    let writesLedger = false;
    runner.query = (async (...args: unknown[]) => {
      writesLedger ||= /INSERT INTO \S*session_events/.test(String(args[0]));
      return query(...args);
    }) as typeof runner.query;
    runner.commitTransaction = async () => {
      if (!writesLedger) return commit();
      await this.inject('before-commit');
      const committed = commit();
      // By the next turn of the event loop, COMMIT has been sent but not yet answered.
      if (this.armed?.fault.point === 'inside-commit') {
        setImmediate(() => void this.inject('inside-commit'));
      }
      await committed;
      await this.inject('after-commit');
    };
    return runner;
  }

  private async inject(point: CommitFault['point']): Promise<void> {
    if (this.armed?.fault.point !== point) return;
    const { fault, happens } = this.armed;
    this.armed = undefined;
    if (fault.action === 'kill') process.kill(process.pid, 'SIGKILL');
    happens();
    if (fault.action === 'pause') return delay(fault.ms);
    await nextTurn(); // so that the harness learns of the fault before the process is blocked
    block(fault.ms);
  }
}

/** Blocks the event loop: no timers, no reads and no lock renewals. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
