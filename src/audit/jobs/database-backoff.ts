import type { Logger } from '@nestjs/common';

import { SessionError, type SessionErrorCode } from '../../errors.js';

const MIN_INTERVAL = 100; // ms
const MAX_INTERVAL = 5_000; // ms

/**
 * Retries without limit while Postgres is unavailable, at intervals that grow to five seconds. An
 * attempt before the next interval returns at once. The events wait in Redis, and the schedule
 * brings the next attempt.
 */
export class DatabaseBackoff {
  private interval = 0;
  /** By the monotonic clock (ms). */
  private notBefore = -Infinity;

  /**
   * @param probe asks Postgres for anything: work that had nothing to do proves nothing
   * @param reported messages that are logged already, by this or another one of the process
   */
  constructor(
    private readonly logger: Logger,
    private readonly probe: () => Promise<unknown>,
    private readonly reported: Set<string>,
  ) {}

  /**
   * Runs `work`, unless Postgres was unavailable a moment ago. Throws errors that are not about
   * Postgres, and those with the code `orThrow`.
   */
  async attempt(
    work: () => Promise<unknown>,
    { orThrow }: { orThrow?: SessionErrorCode } = {},
  ): Promise<void> {
    if (performance.now() < this.notBefore) return;
    try {
      await work();
      if (this.interval > 0) await this.probe();
      this.noteSuccess();
    } catch (error) {
      if (!isDatabaseError(error) || error.code === orThrow) throw error;
      this.noteFailure(error);
    }
  }

  private noteFailure(error: SessionError): void {
    if (!this.reported.has(error.message)) this.logger.error(error.message);
    this.reported.add(error.message);
    this.interval = Math.min(this.interval * 2 || MIN_INTERVAL, MAX_INTERVAL);
    this.notBefore = performance.now() + this.interval;
  }

  private noteSuccess(): void {
    if (this.interval === 0) return;
    this.interval = 0;
    if (this.reported.size > 0) this.logger.log('Postgres is available again.');
    this.reported.clear();
  }
}

function isDatabaseError(error: unknown): error is SessionError {
  return error instanceof SessionError && error.code.startsWith('ERR_SESSION_DATABASE');
}
