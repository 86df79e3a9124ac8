import ms from 'ms';

/** A length of time: milliseconds, or a number with a unit, such as `'30m'`, `'12h'` or `'7d'`. */
export type Duration = number | `${number}${'' | ' '}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}`;

/** The duration in milliseconds; NaN if it is not a duration. */
export function milliseconds(duration: Duration): number {
  if (typeof duration === 'number') return duration;
  if (typeof duration !== 'string') return Number.NaN;
  // `ms` throws for an empty or very long string.
  if (duration.length === 0 || duration.length > 99) return Number.NaN;
  return ms(duration as ms.StringValue) ?? Number.NaN;
}
