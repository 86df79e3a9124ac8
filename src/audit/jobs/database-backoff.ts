import type { Logger } from '@nestjs/common';

import { SessionError, type SessionErrorCode } from '../../errors.js';

const FIRST_INTERVAL = 100; // ms
const MAX_INTERVAL = 5_000; // ms

/**
 * Unlimited patience with a Postgres that is away: it is asked again after pauses that grow to
 * five seconds, for as long as it takes. Meanwhile the events wait in Redis, and attempts return
 * at once; the schedule brings the next.
 */
export class DatabaseBackoff {
  private pause = 0;
  /** By the monotonic clock, ms. */
  private notBefore = -Infinity;

  constructor(private readonly logger: Logger) {}

  /**
   * Runs `work`, unless Postgres was away a moment ago. Errors that aren't Postgres's are the
   * caller's, and so are those of the code `orThrow`.
   */
  async attempt(
    work: () => Promise<unknown>,
    { orThrow }: { orThrow?: SessionErrorCode } = {},
  ): Promise<void> {
    if (performance.now() < this.notBefore) return;
    try {
      await work();
      this.noteBack();
    } catch (error) {
      if (!isDatabaseError(error) || error.code === orThrow) throw error;
      this.noteAway(error);
    }
  }

  private noteAway(error: SessionError): void {
    if (this.pause === 0) this.logger.error(error.message);
    this.pause = Math.min(this.pause * 2 || FIRST_INTERVAL, MAX_INTERVAL);
    this.notBefore = performance.now() + this.pause;
  }

  private noteBack(): void {
    if (this.pause > 0) this.logger.log('Postgres takes records again.');
    this.pause = 0;
  }
}

function isDatabaseError(error: unknown): error is SessionError {
  return error instanceof SessionError && error.code.startsWith('ERR_SESSION_DATABASE');
}
