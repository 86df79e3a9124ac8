import type { CookieSettings } from './cookie-options.js';
import { headerValues, setHeader, type HttpResponse } from './http-messages.js';

/**
 * The cookie's value in a `Cookie` header. Null where there is none, and where there are two
 * different ones: a browser sends a `__Host-` cookie once, so somebody put the other there.
 *
 * Nothing is decoded: a session ID holds no character that would need it.
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
 * Has the browser keep the cookie; an empty value and `maxAge` 0 have it forget it. Other
 * cookies of the response stay, an earlier one of this name doesn't.
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
  // A cache that kept this answer would hand the session to the next one who asks.
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
