import { createHash } from 'node:crypto';

import {
  Injectable,
  ServiceUnavailableException,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** Failed attempts for one account from one IP address. The duration is in seconds. */
const PER_ACCOUNT = { points: 5, duration: 5 * 60 };
/** Failed attempts from one IP address for all accounts: limits trying one password on many. */
const PER_ADDRESS = { points: 50, duration: 5 * 60 };

/**
 * Limits password guessing. Attempts are counted in Redis, so the limit holds across processes. Each
 * is counted before its password is verified, so that concurrent guesses don't get past the limit,
 * and refunded if the password was correct.
 */
@Injectable()
export class SignInAttempts implements OnApplicationShutdown {
  private readonly redis = new Redis(process.env.REDIS_URL!, {
    maxRetriesPerRequest: 1,
    commandTimeout: 500,
  }).on('error', () => undefined); // each call reports its own error

  private readonly perAccount = this.limiter('account', PER_ACCOUNT);
  private readonly perAddress = this.limiter('address', PER_ADDRESS);

  /**
   * Counts an attempt.
   *
   * @returns 0 if this attempt is allowed, otherwise the time until the next one is (s)
   */
  async count(email: string, ip = ''): Promise<number> {
    try {
      await this.perAddress.consume(ip);
      await this.perAccount.consume(accountKey(email, ip));
      return 0;
    } catch (cause) {
      if (cause instanceof RateLimiterRes) return Math.ceil(cause.msBeforeNext / 1000);
      // Redis is unavailable. Creating a session would fail as well.
      const message = 'Signing in is temporarily unavailable. Try again soon.';
      throw new ServiceUnavailableException(message, { cause });
    }
  }

  /** Resets the attempts for an account after a correct password. */
  async refund(email: string, ip = ''): Promise<void> {
    await Promise.all([
      this.perAddress.reward(ip),
      this.perAccount.delete(accountKey(email, ip)),
    ]).catch(() => undefined); // the sign-in succeeds anyway
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }

  private limiter(name: string, limit: { points: number; duration: number }): RateLimiterRedis {
    const keyPrefix = `demo:sign-in:${name}`;
    return new RateLimiterRedis({ storeClient: this.redis, keyPrefix, ...limit });
  }
}

/** Hashes the email field, because people sometimes type their password into it. */
function accountKey(email: string, ip: string): string {
  return createHash('sha256').update(`${email.toLowerCase()} ${ip}`).digest('base64url');
}
