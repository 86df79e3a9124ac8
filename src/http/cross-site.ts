import { headerOf, type HttpHeaders } from './http-messages.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether the method is read-only (RFC 9110, section 9.2.1). A WebSocket handshake, whose method
 * is undefined here, is not.
 */
export function isSafe(method: string | undefined): boolean {
  return method !== undefined && SAFE_METHODS.has(method);
}

/**
 * Whether a browser sent the request for a page of another origin that is not trusted.
 *
 * Browsers report this in `Sec-Fetch-Site`, which pages can't forge. Older browsers, and browsers
 * on plain HTTP, send `Origin` at least. A request with neither header was not sent by a browser,
 * so no page could have made a browser attach the cookie.
 */
export function isCrossSite(headers: HttpHeaders, trustedOrigins: readonly string[]): boolean {
  const origin = headerOf(headers, 'origin');
  if (origin !== null && trustedOrigins.includes(origin)) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (headers.origin === undefined) return false;
  return origin === null || !isOwnOrigin(origin, hostOf(headers));
}

/** HTTP/2 sends `:authority` instead of `Host`. */
function hostOf(headers: HttpHeaders): string | null {
  return headerOf(headers, 'host') ?? headerOf(headers, ':authority');
}

/** Compares only host and port: behind a proxy that terminates TLS, the scheme is unknown here. */
function isOwnOrigin(origin: string, host: string | null): boolean {
  if (host === null || !URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  const own = `${protocol}//${host}`;
  // Parsing removes the default port, which `Origin` omits but `Host` may contain.
  return originHost !== '' && URL.canParse(own) && new URL(own).host === originHost;
}
