import { Logger } from '@nestjs/common';

import { SessionRejection } from './session-rejection.js';

/**
 * What the guard writes to the log: nothing that a client sent, so that nobody can write our log
 * and no secret gets into it.
 */
export class RejectionLog {
  /** Told each refusal's code; for metrics. */
  listener: ((code: string) => void) | undefined;
  private readonly logger = new Logger('SessionGuard');
  private isRedisAway = false;

  rejected(rejection: unknown): void {
    if (!(rejection instanceof SessionRejection)) return;
    this.listener?.(rejection.code);
    switch (rejection.code) {
      case 'ERR_SESSION_REDIS_UNAVAILABLE':
        this.redisIsAway(rejection);
        return;
      case 'ERR_SESSION_CROSS_SITE':
        // An attempt to get around a control (ASVS 16.3.3).
        this.logger.warn('Refused a cross-site request (ERR_SESSION_CROSS_SITE).');
        return;
      default:
        // Crawlers and expired sessions cause these by the thousand (ASVS 16.3.2).
        this.logger.debug(`Refused a request (${rejection.code}).`);
    }
  }

  /** Whoever was admitted, Redis has answered. */
  accepted(): void {
    if (!this.isRedisAway) return;
    this.isRedisAway = false;
    this.logger.log('Redis answers again; sessions can be checked.');
  }

  /** Once, and not for each of the thousands of requests that see the same. */
  private redisIsAway({ cause }: SessionRejection): void {
    if (this.isRedisAway) return;
    this.isRedisAway = true;
    const why = cause instanceof Error ? cause.message : '';
    this.logger.error(`Sessions can't be checked, so requests get 503: ${why}`);
  }
}
