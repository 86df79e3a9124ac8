import { SessionError } from '../errors.js';
import type { RequestedExpiry } from '../store/rejections.js';
import { milliseconds, type Duration } from './duration.js';
import { show } from '../option-rules.js';

/** Numbers from here up are moments (2001 or later); as a lifetime, this would be 31 years. */
const FIRST_MOMENT = 1e12;

/**
 * Reads the option `expires`. Redis's clock decides whether a moment has passed or is too far ahead;
 * this function rejects values that are wrong by any clock.
 *
 * @param limits in ms
 * @throws SessionError `ERR_SESSION_EXPIRES`
 */
export function requestedExpiryOf(
  expires: Duration | Date | undefined,
  { lifetime, maxLifetime }: { lifetime: number; maxLifetime: number },
): RequestedExpiry {
  if (expires === undefined) return { kind: 'for', value: lifetime };
  const value = expires instanceof Date ? expires.getTime() : millisecondsOf(expires);
  if (!Number.isFinite(value)) {
    throw invalidExpires(
      `must be milliseconds, text such as '8h', or a valid Date, not ${show(expires)}`,
    );
  }
  const whole = Math.floor(value);
  if (expires instanceof Date || whole >= FIRST_MOMENT) return { kind: 'until', value: whole };
  if (whole <= 0) {
    throw invalidExpires(
      `must be positive, not ${show(expires)}: a lifetime in milliseconds or as text, a Date, or a ` +
        'moment in milliseconds since 1970',
    );
  }
  if (typeof expires === 'number') rejectUnixSeconds(expires, maxLifetime);
  return { kind: 'for', value: whole };
}

/** NaN for a text without a unit: nothing says whether it is a lifetime or a moment. */
function millisecondsOf(expires: Duration): number {
  if (typeof expires === 'string' && !/[a-z]/i.test(expires)) return Number.NaN;
  return milliseconds(expires);
}

/**
 * The moment at which a token expires is usually in seconds, and would be taken for a lifetime of three
 * weeks. The process's clock may be wrong by seconds or minutes: the range is days wide.
 */
function rejectUnixSeconds(value: number, maxLifetime: number): void {
  const moment = value * 1000;
  const now = Date.now();
  if (moment < now || moment > now + maxLifetime) return;
  throw invalidExpires(
    `is ${value}, which are Unix seconds (${new Date(moment).toISOString()}): multiply them by 1000, ` +
      `or write a lifetime of that many milliseconds as text, '${value}ms'`,
  );
}

function invalidExpires(why: string): SessionError {
  return new SessionError('ERR_SESSION_EXPIRES', `\`expires\` ${why}.`);
}
