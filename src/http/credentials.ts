import { readCookie } from './cookie-header.js';
import { headerOf, type HttpHeaders } from './http-messages.js';

/** A session ID as the client sent it, not yet validated. */
export interface Credential {
  sessionId: string;
  /**
   * Browsers attach cookies automatically, so a cookie alone doesn't show which page sent the
   * request.
   */
  from: 'cookie' | 'bearer';
}

const BEARER = /^bearer(?: +(.*))?$/i;

/**
 * The session ID that a request carries.
 *
 * If a bearer token is present, ignore the cookie; otherwise an invalid token could authenticate
 * as another user. URLs are never read, because they end up in logs, browser histories and
 * `Referer` headers.
 *
 * @param token bearer token from outside the headers, which takes precedence
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
