import { SessionError } from './errors.js';

/**
 * The rules for values that the module takes as options and the command line takes as environment
 * variables. Both report a value that breaks a rule in their own words, followed by `remedy`.
 */
export interface OptionRule<T> {
  accepts(value: unknown): value is T;
  /** What to use instead, for an error message. */
  remedy: string;
}

/** Braces would change the hash tag of the keys, and with it their Cluster slot. */
export const PREFIX = pattern(/^[^{}\s]{1,64}$/, 'use 1 to 64 characters without braces or spaces');

export const BUCKETS = wholeNumber(1, 256);

/** Quoted identifiers are not supported. Postgres truncates names after 63 characters. */
export const SQL_IDENTIFIER = pattern(
  /^[A-Za-z_][A-Za-z0-9_]{0,62}$/,
  'use a plain SQL identifier: letters, digits and underscores',
);

export const USER_ID_TYPE = oneOf('text', 'integer', 'bigint', 'uuid');

function pattern(regex: RegExp, remedy: string): OptionRule<string> {
  return {
    accepts: (value): value is string => typeof value === 'string' && regex.test(value),
    remedy,
  };
}

export function wholeNumber(min: number, max: number): OptionRule<number> {
  return {
    accepts: (value): value is number =>
      Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
    remedy: `use a whole number from ${min} to ${max}`,
  };
}

export function oneOf<T extends string>(...allowed: T[]): OptionRule<T> {
  const quoted = allowed.map((each) => `'${each}'`);
  return {
    accepts: (value): value is T => allowed.some((each) => each === value),
    remedy: `use ${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`,
  };
}

/** @throws SessionError `ERR_SESSION_OPTIONS`, which names the option, its value and the remedy */
export function checkOption<T>(
  place: string,
  option: string,
  value: unknown,
  rule: OptionRule<T>,
): T {
  if (rule.accepts(value)) return value;
  throw invalidOption(place, option, value, rule.remedy);
}

/** @param place what takes the option, such as `SessionModule` */
export function invalidOption(
  place: string,
  option: string,
  value: unknown,
  remedy: string,
): SessionError {
  return new SessionError(
    'ERR_SESSION_OPTIONS',
    `${place}: the option \`${option}\` is ${show(value)}; ${remedy}.`,
  );
}

/** A value for an error message, short and on one line. `String` can throw for objects. */
export function show(value: unknown): string {
  if (value instanceof Date) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function') return 'a function';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
