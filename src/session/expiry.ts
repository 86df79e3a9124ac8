import { SessionError } from '../errors.js';
import type { RequestedExpiry } from '../store/rejections.js';
import { show } from './input.js';

/** Numbers from here up are moments (2001 or later); as a lifetime, this would be 31 years. */
const FIRST_MOMENT = 1e12;

/**
 * Reads the option `expires`. Redis's clock decides whether a moment has passed or is too far ahead;
 * this function rejects values that are wrong by any clock.
 *
 * @throws SessionError `ERR_SESSION_EXPIRES`
 */
export function requestedExpiryOf(
  expires: number | Date | undefined,
  lifetime: number,
): RequestedExpiry {
  if (expires === undefined) return { kind: 'for', value: lifetime };
  const value = expires instanceof Date ? expires.getTime() : expires;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw invalidExpires(`must be a finite number or a valid Date, not ${show(expires)}`);
  }
  const whole = Math.floor(value);
  if (expires instanceof Date || whole >= FIRST_MOMENT) return { kind: 'until', value: whole };
  if (whole <= 0) {
    throw invalidExpires(
      `must be positive, not ${value}: a lifetime in milliseconds, a Date, or a moment in ` +
        'milliseconds since 1970',
    );
  }
  return { kind: 'for', value: whole };
}

function invalidExpires(why: string): SessionError {
  return new SessionError('ERR_SESSION_EXPIRES', `\`expires\` ${why}.`);
}
