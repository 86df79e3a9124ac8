import type { CookieSettings } from './cookie-options.js';
import { headerValues, setHeader, type HttpResponse } from './http-messages.js';

/**
 * The value of a cookie in a `Cookie` header. Null if the cookie is missing, or if it occurs with
 * different values: a browser sends a `__Host-` cookie once, so another party added the second.
 *
 * Values are not decoded: session IDs contain no characters that need it.
 */
export function readCookie(header: string | null, name: string): string | null {
  if (header === null) return null;
  const values = new Set<string>();
  for (const pair of header.split(';')) {
    const separator = pair.indexOf('=');
    if (separator === -1 || pair.slice(0, separator).trim() !== name) continue;
    values.add(pair.slice(separator + 1).trim());
  }
  const [value] = values;
  return values.size === 1 ? value! : null;
}

/**
 * Sets the cookie; an empty value with `maxAge` 0 deletes it. Replaces an earlier `Set-Cookie` of
 * the same name and keeps all others.
 *
 * @param cookie `maxAge` in seconds; undefined for a cookie that lasts until the browser closes
 */
export function writeCookie(
  response: HttpResponse,
  settings: CookieSettings,
  { value, maxAge }: { value: string; maxAge?: number },
): void {
  const others = headerValues(response, 'set-cookie').filter(
    (cookie) => !cookie.startsWith(`${settings.name}=`),
  );
  setHeader(response, 'set-cookie', [...others, formatCookie(settings, value, maxAge)]);
  // A cached response would give the session to the next client.
  setHeader(response, 'cache-control', 'no-store');
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' };

function formatCookie(settings: CookieSettings, value: string, maxAge?: number): string {
  return [
    `${settings.name}=${value}`,
    'Path=/',
    ...(maxAge === undefined ? [] : [`Max-Age=${maxAge}`]),
    ...(settings.secure ? ['Secure'] : []),
    'HttpOnly',
    `SameSite=${SAME_SITE[settings.sameSite]}`,
  ].join('; ');
}
