import { createHash } from 'node:crypto';

import {
  Injectable,
  ServiceUnavailableException,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** Wrong passwords for an account from an address. */
const PER_ACCOUNT = { points: 5, duration: 5 * 60 };
/** Wrong passwords from an address, whatever the account: who tries one password on many. */
const PER_ADDRESS = { points: 50, duration: 5 * 60 };

/**
 * Slows down who guesses passwords. Counted in Redis, for all processes; counted before the
 * password is looked at, so that a hundred guesses at once are a hundred; given back where the
 * password was right.
 */
@Injectable()
export class SignInAttempts implements OnApplicationShutdown {
  private readonly redis = new Redis(process.env.REDIS_URL!, {
    maxRetriesPerRequest: 1,
    commandTimeout: 500,
  }).on('error', () => undefined); // the calls fail, that is enough

  private readonly perAccount = this.limiter('account', PER_ACCOUNT);
  private readonly perAddress = this.limiter('address', PER_ADDRESS);

  /**
   * Counts an attempt.
   *
   * @returns how long to wait before the next one, s; 0 where this one may be made
   */
  async take(email: string, ip = ''): Promise<number> {
    try {
      await this.perAddress.consume(ip);
      await this.perAccount.consume(accountKey(email, ip));
      return 0;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return Math.ceil(refusal.msBeforeNext / 1000);
      // Nobody can count now, and nobody could make a session either.
      const cause = refusal;
      throw new ServiceUnavailableException('Nobody can sign in now. Try again soon.', { cause });
    }
  }

  /** Forgets the attempts at an account whose password was right in the end. */
  async giveBack(email: string, ip = ''): Promise<void> {
    await Promise.all([
      this.perAddress.reward(ip),
      this.perAccount.delete(accountKey(email, ip)),
    ]).catch(() => undefined); // the sign-in is good all the same
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }

  private limiter(name: string, limit: { points: number; duration: number }): RateLimiterRedis {
    const keyPrefix = `demo:sign-in:${name}`;
    return new RateLimiterRedis({ storeClient: this.redis, keyPrefix, ...limit });
  }
}

/** Hashed, as people type passwords into the wrong field. */
function accountKey(email: string, ip: string): string {
  return createHash('sha256').update(`${email.toLowerCase()} ${ip}`).digest('base64url');
}
