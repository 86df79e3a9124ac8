import { setTimeout as delay } from 'node:timers/promises';

import type { DataSource, QueryRunner } from 'typeorm';

import { block } from './block.js';
import type { AimPoint } from './protocol.js';

export interface Shot {
  point: AimPoint;
  act: 'kill' | 'block' | 'pause';
  ms: number;
}

/** Strikes at the commit of the next transaction that writes into the ledger. */
export class Aim {
  private shot: Shot | undefined;

  constructor(private readonly onHit: () => void) {}

  take(shot: Shot): void {
    this.shot = shot;
  }

  /** Lets this `DataSource` be aimed at. */
  watch(dataSource: DataSource): DataSource {
    const create = dataSource.createQueryRunner.bind(dataSource);
    dataSource.createQueryRunner = (mode) => this.watchRunner(create(mode));
    return dataSource;
  }

  private watchRunner(runner: QueryRunner): QueryRunner {
    const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
    const commit = runner.commitTransaction.bind(runner);
    let records = false;
    runner.query = (async (...args: unknown[]) => {
      records ||= /INSERT INTO \S*session_events/.test(String(args[0]));
      return query(...args);
    }) as typeof runner.query;
    runner.commitTransaction = async () => {
      if (!records) return commit();
      await this.strike('before-commit');
      const committed = commit();
      // By the next turn of the loop COMMIT is on its way and its answer isn't there.
      if (this.shot?.point === 'inside-commit')
        setImmediate(() => void this.strike('inside-commit'));
      await committed;
      await this.strike('after-commit');
    };
    return runner;
  }

  private async strike(point: AimPoint): Promise<void> {
    const { shot } = this;
    if (shot?.point !== point) return;
    this.shot = undefined;
    this.onHit();
    if (shot.act === 'kill') process.kill(process.pid, 'SIGKILL');
    else if (shot.act === 'block') block(shot.ms);
    else await delay(shot.ms);
  }
}
