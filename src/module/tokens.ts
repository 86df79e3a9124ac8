import { SessionAudit } from '../audit/session-audit.js';
import { SessionCookie } from '../http/session.cookie.js';
import { SessionHealth } from '../observability/health.js';
import { SessionService } from '../session/session.service.js';

/** The name of a module that was given none. */
export const DEFAULT_NAME = 'default';

/**
 * The injection token of a module's `SessionService`: the class itself, or a string for a module
 * with a `name`.
 *
 * ```ts
 * constructor(@Inject(getSessionServiceToken('staff')) private readonly sessions: SessionService) {}
 * ```
 */
export function getSessionServiceToken(name?: string): typeof SessionService | string {
  return isDefault(name) ? SessionService : `SessionService:${name}`;
}

/** The injection token of a module's `SessionCookie`; see `getSessionServiceToken`. */
export function getSessionCookieToken(name?: string): typeof SessionCookie | string {
  return isDefault(name) ? SessionCookie : `SessionCookie:${name}`;
}

/** The injection token of a module's `SessionAudit`; see `getSessionServiceToken`. */
export function getSessionAuditToken(name?: string): typeof SessionAudit | string {
  return isDefault(name) ? SessionAudit : `SessionAudit:${name}`;
}

/** The injection token of a module's `SessionHealth`; see `getSessionServiceToken`. */
export function getSessionHealthToken(name?: string): typeof SessionHealth | string {
  return isDefault(name) ? SessionHealth : `SessionHealth:${name}`;
}

function isDefault(name: string | undefined): boolean {
  return name === undefined || name === DEFAULT_NAME;
}
