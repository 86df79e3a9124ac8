import { readLedger, type LedgerSource, type LedgerState } from './ledger-watch.js';

/** Events are recorded within a second or so; of one this old, nobody takes care. ms */
const OLDEST_AGE = 60_000;

/** How sessions and their ledger are. `@nestjs/terminus` takes it as it is. */
export interface SessionHealthResult {
  /**
   * `down`: Redis is away, and with it every session. `degraded`: sessions work, and the ledger
   * needs somebody's attention; `problems` says why.
   */
  status: 'up' | 'degraded' | 'down';
  redis: 'up' | 'down';
  /** `none` in a process that is configured without a database. */
  postgres?: LedgerState['postgres'];
  /** Events that wait for Postgres. */
  backlog?: number;
  /** Age of the oldest of them, ms. */
  oldestUnrecorded?: number;
  deadLetters?: number;
  defaultPartitionRows?: number;
  problems: string[];
}

/**
 * A health indicator, for `@nestjs/terminus` or by itself.
 *
 * ```ts
 * @Get('health')
 * @HealthCheck()
 * check() {
 *   return this.health.check([() => this.sessionHealth.check()]);
 * }
 * ```
 */
export class SessionHealth {
  constructor(
    private readonly ledger: LedgerSource,
    private readonly hasDatabase: boolean,
  ) {}

  /** @param key under which Terminus shows the result */
  async check<Key extends string = 'sessions'>(
    key: Key = 'sessions' as Key,
  ): Promise<Record<Key, SessionHealthResult>> {
    return { [key]: await this.result() } as Record<Key, SessionHealthResult>;
  }

  /** Health is often shown to anybody, so it holds numbers and no error's text. */
  private async result(): Promise<SessionHealthResult> {
    let ledger: LedgerState;
    try {
      ledger = await readLedger(this.ledger, this.hasDatabase);
    } catch {
      return { status: 'down', redis: 'down', problems: ['Redis does not answer.'] };
    }
    const { postgres, backlog, oldestAge, deadLetters, defaultPartitionRows } = ledger;
    const problems = problemsOf(ledger);
    return {
      status: problems.length === 0 ? 'up' : 'degraded',
      redis: 'up',
      postgres,
      backlog,
      oldestUnrecorded: oldestAge,
      ...(deadLetters !== undefined && { deadLetters, defaultPartitionRows }),
      problems,
    };
  }
}

function problemsOf(ledger: LedgerState): string[] {
  const { postgres, oldestAge, deadLetters = 0, defaultPartitionRows = 0 } = ledger;
  return [
    ...(postgres === 'down' ? ['Postgres does not answer; sessions work on.'] : []),
    ...(oldestAge > OLDEST_AGE ? ['Events wait for Postgres. Is an audit worker running?'] : []),
    ...(deadLetters > 0 ? ['There are dead letters: see SessionAudit.deadLetters().'] : []),
    ...(defaultPartitionRows > 0 ? ['Partitions are missing: rows lie in the default one.'] : []),
  ];
}
