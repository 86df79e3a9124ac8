import { readCookie } from './cookie-header.js';
import { headerOf, type HttpHeaders } from './http-messages.js';

/** A session ID as a client sent it, unchecked, and the way it came. */
export interface Credential {
  sessionId: string;
  /** A cookie is sent by the browser of its own accord, so it says nothing of who asked for it. */
  from: 'cookie' | 'bearer';
}

const BEARER = /^bearer(?: +(.*))?$/i;

/**
 * The session ID that a request carries. A bearer token wins over the cookie, and alone counts:
 * were the cookie tried next, a refused token would be obeyed as somebody else.
 *
 * URLs are never looked at: they end up in logs, histories and `Referer` headers.
 */
export function credentialOf(
  headers: HttpHeaders,
  cookieName: string,
  token?: string,
): Credential | null {
  const bearer = token ?? bearerOf(headers);
  if (bearer !== null) return { sessionId: bearer, from: 'bearer' };
  const cookie = readCookie(headerOf(headers, 'cookie'), cookieName);
  return cookie === null ? null : { sessionId: cookie, from: 'cookie' };
}

function bearerOf(headers: HttpHeaders): string | null {
  const match = BEARER.exec(headerOf(headers, 'authorization') ?? '');
  return match && (match[1] ?? '').trim();
}
