import { headerOf, type HttpHeaders } from './http-messages.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a method only reads (RFC 9110 section 9.2.1); a WebSocket's handshake has none. */
export function isSafe(method: string | undefined): boolean {
  return method !== undefined && SAFE_METHODS.has(method);
}

/**
 * Whether a page of another origin made the browser send this. `Sec-Fetch-Site` says so, and
 * pages can't forge it; an older browser, or one without HTTPS, at least sends `Origin`. A
 * request with neither comes from no browser, so nobody's cookie was borrowed for it.
 */
export function isCrossSite(headers: HttpHeaders, trustedOrigins: readonly string[]): boolean {
  const origin = headerOf(headers, 'origin');
  if (origin !== null && trustedOrigins.includes(origin)) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (headers.origin === undefined) return false;
  return origin === null || !isOwnOrigin(origin, hostOf(headers));
}

/** HTTP/2 has `:authority` in place of `Host`. */
function hostOf(headers: HttpHeaders): string | null {
  return headerOf(headers, 'host') ?? headerOf(headers, ':authority');
}

/** Compares hosts and ports alone: behind a proxy that ends TLS, the scheme isn't known here. */
function isOwnOrigin(origin: string, host: string | null): boolean {
  if (host === null || !URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  const own = `${protocol}//${host}`;
  // The default port is left out by the one and written by the other.
  return originHost !== '' && URL.canParse(own) && new URL(own).host === originHost;
}
