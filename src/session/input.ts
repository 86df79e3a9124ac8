import { isIP } from 'node:net';

import { SessionError } from '../errors.js';
import { show } from '../option-rules.js';
import { milliseconds, type Duration } from './duration.js';
import type { JsonObject } from '../store/session-record.js';
import { dataTooLarge } from '../store/rejections.js';
import type { EndCause } from '../store/scripts.js';
import type { ClientDetails, SessionDataPatch, SessionEnd } from './session.js';

/** Longest user ID (UTF-16 code units, as in JavaScript's `length`). */
export const MAX_USER_ID = 255;
/** A longer user agent is truncated. */
export const MAX_USER_AGENT = 512;
/** Largest data of a session (bytes of JSON). */
export const MAX_DATA = 16 * 1024;
const MAX_REASON = 64;
const MAX_ACTOR = 255;

/** C0, DEL and C1: Postgres rejects NUL, and U+001F joins our fields. */
const CONTROL_CHARACTERS = /\p{Cc}/gu;
const IPV4_IN_IPV6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Rejects what can't be a user ID. Braces, colons and glob characters are fine: no key is a pattern. */
export function checkUserId(userId: unknown): string {
  return checkText('userId', userId, 1, MAX_USER_ID);
}

/** Rejects what isn't an object that holds the fields of an argument. */
export function checkObject(name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) return;
  throw invalidInput(`${name} needs an object, not ${show(value)}.`);
}

/** An age in ms. */
export function checkAge(maxAge: Duration): number {
  const ms = milliseconds(maxAge);
  if (ms >= 0) return ms;
  throw invalidInput(`maxAge is ${show(maxAge)}; use milliseconds, or text such as '10m'.`);
}

/** Checks the reason and actor of an end; `fallback` is the default reason. */
export function checkEnd(end: SessionEnd | undefined, fallback: string): EndCause {
  if (end !== undefined) checkObject('The end of a session', end);
  return {
    reason: checkText('reason', end?.reason ?? fallback, 1, MAX_REASON),
    actor: checkText('actor', end?.actor ?? '', 0, MAX_ACTOR),
  };
}

/** Checks the client's address and cleans its user agent: no browser's user agent is rejected. */
export function checkClient(client: ClientDetails | undefined): { ip: string; userAgent: string } {
  if (client !== undefined) checkObject('client', client);
  return { ip: checkIp(client?.ip), userAgent: cleanUserAgent(client?.userAgent) };
}

function checkIp(ip: unknown): string {
  if (ip === undefined || ip === '') return '';
  const address = typeof ip === 'string' ? ip.replace(/%.*$/, '') : '';
  if (isIP(address) === 0) {
    throw invalidInput(
      `client.ip is not an IP address: ${show(ip)}. Pass one address without a port; from a ` +
        'forwarding header, take the entry that your own proxy wrote.',
    );
  }
  return IPV4_IN_IPV6.exec(address)?.[1] ?? address.toLowerCase();
}

function cleanUserAgent(userAgent: unknown): string {
  if (userAgent === undefined) return '';
  if (typeof userAgent !== 'string') {
    throw invalidInput(`client.userAgent must be a string, not ${show(userAgent)}.`);
  }
  // Truncate before repairing surrogates: truncation may split a pair.
  const cut = userAgent.replace(CONTROL_CHARACTERS, '').slice(0, MAX_USER_AGENT);
  return cut.toWellFormed();
}

/** Rejects data that can't be written as JSON or is too large. */
export function checkData(data: JsonObject | undefined): JsonObject {
  if (data === undefined) return {};
  const json = toJson('data', data);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_DATA) throw dataTooLarge(bytes, MAX_DATA);
  return JSON.parse(json) as JsonObject;
}

/** Rejects a patch that can't be written as JSON. Fields set to `undefined` stay: they will be removed. */
export function checkPatch(patch: SessionDataPatch): SessionDataPatch {
  const values = JSON.parse(toJson('patch', patch)) as JsonObject;
  const bytes = Buffer.byteLength(JSON.stringify(values));
  if (bytes > MAX_DATA) throw dataTooLarge(bytes, MAX_DATA);
  const entries = Object.keys(patch).map((name) => [name, own(values, name)] as const);
  return Object.fromEntries(entries);
}

function own(values: JsonObject, name: string) {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function toJson(name: string, value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidInput(`${name} must be a plain object, not ${show(value)}.`);
  }
  const json = stringify(name, value);
  // A `toJSON` method may return something else, such as a string for a Date.
  if (!json?.startsWith('{')) throw invalidInput(`${name} must be an object when written as JSON.`);
  return json;
}

function stringify(name: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new SessionError('ERR_SESSION_INPUT', `${name} can't be written as JSON: ${cause}.`, {
      cause,
    });
  }
}

function checkText(name: string, value: unknown, min: number, max: number): string {
  if (typeof value !== 'string')
    throw invalidInput(`${name} must be a string, not ${show(value)}.`);
  if (value.length < min) throw invalidInput(`${name} is empty.`);
  if (value.length > max) {
    throw invalidInput(`${name} has ${value.length} characters; at most ${max} are allowed.`);
  }
  if (value.search(CONTROL_CHARACTERS) !== -1) {
    throw invalidInput(`${name} contains a control character: ${show(value)}.`);
  }
  if (!value.isWellFormed())
    throw invalidInput(`${name} contains a lone surrogate: ${show(value)}.`);
  return value;
}

function invalidInput(message: string): SessionError {
  return new SessionError('ERR_SESSION_INPUT', message);
}
