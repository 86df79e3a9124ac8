import { SessionCookie } from './session.cookie.js';

/**
 * The injection token of a module's `SessionCookie`: the class itself, or a text for a module with
 * a `name`.
 *
 * ```ts
 * constructor(@Inject(getSessionCookieToken('staff')) private readonly cookie: SessionCookie) {}
 * ```
 */
export function getSessionCookieToken(name?: string): typeof SessionCookie | string {
  return name === undefined || name === 'default' ? SessionCookie : `SessionCookie:${name}`;
}
