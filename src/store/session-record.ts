import { SessionError } from '../errors.js';

/** Joins the fields of records and events. No input can contain it: see `session/input.ts`. */
export const SEPARATOR = '\x1f';

/** A JSON value. */
export type JsonValue =
  string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** A JSON object, such as a session's `data`. */
export type JsonObject = { [key: string]: JsonValue };

/** A live session as stored in Redis. Times are ms since 1970 by Redis's clock. */
export interface SessionRecord {
  userId: string;
  createdAt: number;
  /** When the user signed in: earlier than `createdAt` if the session was rotated. */
  signedInAt: number;
  /** The absolute expiry, which using the session never extends. */
  expiresAt: number;
  /** When the session expires if it isn't used again: at most `expiresAt`. */
  idleExpiresAt: number;
  lastUsedAt: number;
  ip: string;
  userAgent: string;
  data: JsonObject;
}

/**
 * Parses a record. Its fields: user, created, signed in, absolute expiry, idle expiry, last use, ip,
 * user agent, then data as name, JSON, name, JSON… An empty `signed in` or `last use` equals
 * `created`, an empty idle expiry equals the absolute one.
 */
export function parseRecord(text: string): SessionRecord {
  const fields = text.split(SEPARATOR);
  const createdAt = Number(fields[1]);
  const expiresAt = Number(fields[3]);
  // Names and values come in pairs. A missing time is NaN, so the comparison fails.
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

/** `fromEntries` defines own properties, so a field named `__proto__` stays a plain field. */
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

/** A record that this module didn't write is never a valid session. */
function unreadable(cause?: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_REFUSED',
    "A session's record in Redis is unreadable: another program writes to the same keys. " +
      'Give that program or this module another `prefix`.',
    { cause },
  );
}

/** The last part of a record: the data, each field after a separator. JSON escapes control characters. */
export function formatData(data: JsonObject): string {
  return formatPatch(data)
    .map((field) => SEPARATOR + field)
    .join('');
}

/** Name, JSON, name, JSON… The value `undefined` becomes `''`, which removes the field. */
export function formatPatch(patch: { [name: string]: JsonValue | undefined }): string[] {
  return Object.entries(patch).flatMap(([name, value]) => [
    JSON.stringify(name),
    value === undefined ? '' : JSON.stringify(value),
  ]);
}
