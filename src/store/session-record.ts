import { SessionError } from '../errors.js';

/** Joins the fields of records and events; no input can hold it, see `session/input.ts`. */
export const SEPARATOR = '\x1f';

/** A JSON value. */
export type JsonValue =
  string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** An object as JSON knows it: what a session's `data` is. */
export type JsonObject = { [key: string]: JsonValue };

/** A live session as Redis holds it. Times are ms since 1970 by Redis's clock. */
export interface SessionRecord {
  userId: string;
  createdAt: number;
  /** When the user signed in: earlier than `createdAt` once the session was rotated. */
  signedInAt: number;
  /** The end that no use can move. */
  expiresAt: number;
  /** The end as it stands: the hard end, or sooner by the idle timeout. */
  idleExpiresAt: number;
  lastUsedAt: number;
  ip: string;
  userAgent: string;
  data: JsonObject;
}

/**
 * Reads a record. Its fields: user, created, signed in, hard end, end, last use, ip, user agent,
 * then data as name, JSON, name, JSON… An empty `signed in` or `last use` equals `created`, an
 * empty `end` equals the hard end.
 */
export function parseRecord(text: string): SessionRecord {
  const fields = text.split(SEPARATOR);
  const createdAt = Number(fields[1]);
  const expiresAt = Number(fields[3]);
  // Names and values come in pairs; a missing time is NaN.
  if (fields.length < 8 || fields.length % 2 !== 0 || !(createdAt < expiresAt)) throw unreadable();
  return {
    userId: fields[0]!,
    createdAt,
    signedInAt: Number(fields[2]) || createdAt,
    expiresAt,
    idleExpiresAt: Number(fields[4]) || expiresAt,
    lastUsedAt: Number(fields[5]) || createdAt,
    ip: fields[6]!,
    userAgent: fields[7]!,
    data: fields.length > 8 ? parseData(fields) : {},
  };
}

/** `fromEntries` defines properties, so a field named `__proto__` stays a plain field. */
function parseData(fields: string[]): JsonObject {
  const entries: [string, JsonValue][] = [];
  for (let i = 8; i < fields.length; i += 2) {
    entries.push([parseJson(fields[i]!) as string, parseJson(fields[i + 1]!)]);
  }
  return Object.fromEntries(entries);
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** What somebody else wrote is no session, and never a valid one. */
function unreadable(cause?: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_REFUSED',
    "A session's record in Redis is unreadable: something else writes to the same keys. " +
      'Give it, or this module, another `prefix`.',
    { cause },
  );
}

/** The end of a record: the data, each field after a separator. JSON escapes control characters. */
export function formatData(data: JsonObject): string {
  return formatPatch(data)
    .map((field) => SEPARATOR + field)
    .join('');
}

/** Name, JSON, name, JSON… An `undefined` value becomes '', which removes the field. */
export function formatPatch(patch: { [name: string]: JsonValue | undefined }): string[] {
  return Object.entries(patch).flatMap(([name, value]) => [
    JSON.stringify(name),
    value === undefined ? '' : JSON.stringify(value),
  ]);
}
