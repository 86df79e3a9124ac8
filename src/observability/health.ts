import { readLedger, type LedgerSource, type LedgerState } from './ledger-state.js';

/** Alert threshold (ms): events normally reach Postgres within a second. */
const MAX_OLDEST_AGE = 60_000;

/** The health of sessions and ledger, in the form that `@nestjs/terminus` expects. */
export interface SessionHealthResult {
  /**
   * - `down`: Redis is unavailable, and with it every session; or the ledger is held, because this
   *   Redis is empty or the wrong one
   * - `degraded`: sessions work, but the ledger needs attention; see `problems`
   */
  status: 'up' | 'degraded' | 'down';
  redis: 'up' | 'down';
  /** `none` in a process that is configured without a database. */
  postgres?: LedgerState['postgres'];
  /** Events that wait for Postgres. */
  backlog?: number;
  /** Age of the oldest of them (ms). */
  oldestUnrecorded?: number;
  deadLetters?: number;
  missingPartitions?: number;
  /** `held` and `mismatch`: nothing is recorded; see `SessionAudit.health()`. */
  binding?: LedgerState['binding'];
  /** Incidents within the last 24 hours. */
  recentIncidents?: number;
  /** When Redis and Postgres were last compared completely; null if never. */
  auditedAt?: Date | null;
  problems: string[];
}

/**
 * A health indicator, for `@nestjs/terminus` or on its own.
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

  /** @param key the name of the result in Terminus's response */
  async check<Key extends string = 'sessions'>(
    key: Key = 'sessions' as Key,
  ): Promise<Record<Key, SessionHealthResult>> {
    return { [key]: await this.result() } as Record<Key, SessionHealthResult>;
  }

  /** Health endpoints are often public, so the result contains figures but no error messages. */
  private async result(): Promise<SessionHealthResult> {
    let ledger: LedgerState;
    try {
      ledger = await readLedger(this.ledger, this.hasDatabase);
    } catch {
      return { status: 'down', redis: 'down', problems: ['Redis does not answer.'] };
    }
    const { postgres, backlog, oldestAge, deadLetters, missingPartitions } = ledger;
    const { binding, recentIncidents, auditedAt } = ledger;
    const problems = problemsOf(ledger);
    return {
      status: isStopped(ledger) ? 'down' : problems.length === 0 ? 'up' : 'degraded',
      redis: 'up',
      postgres,
      backlog,
      oldestUnrecorded: oldestAge,
      ...(deadLetters !== undefined && {
        deadLetters,
        missingPartitions,
        binding,
        recentIncidents,
        auditedAt,
      }),
      problems,
    };
  }
}

/** Whether nothing is recorded, for a reason that only an operator can remove. */
function isStopped({ binding }: LedgerState): boolean {
  return binding === 'held' || binding === 'mismatch';
}

function problemsOf(ledger: LedgerState): string[] {
  const { postgres, oldestAge, deadLetters = 0, missingPartitions = 0, binding } = ledger;
  const problems: [applies: boolean, text: string][] = [
    [
      binding === 'held',
      'Redis is new or was emptied, so nothing is recorded. Run session-ledger adopt if it is the right one.',
    ],
    [binding === 'mismatch', 'Redis and the audit tables belong to different ledgers.'],
    [postgres === 'down', 'Postgres does not answer; sessions keep working.'],
    [oldestAge > MAX_OLDEST_AGE, 'Events wait for Postgres. Is an audit worker running?'],
    [deadLetters > 0, 'There are dead letters: see SessionAudit.deadLetters().'],
    [
      missingPartitions > 0,
      'Partitions of this month or the next are missing: see the log of a worker.',
    ],
  ];
  return problems.filter(([applies]) => applies).map(([, text]) => text);
}
