import ms from 'ms';

/** A span of time: milliseconds, or a number with its unit, such as `'30m'`, `'12h'` or `'7d'`. */
export type Duration = number | `${number}${'' | ' '}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}`;

/** The duration in milliseconds, or NaN for what is none. */
export function milliseconds(duration: Duration): number {
  if (typeof duration === 'number') return duration;
  // Of empty or very long text `ms` throws.
  if (duration.length === 0 || duration.length > 99) return Number.NaN;
  return ms(duration as ms.StringValue) ?? Number.NaN;
}
