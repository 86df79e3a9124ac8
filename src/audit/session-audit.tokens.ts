import { SessionAudit } from './session-audit.js';

/** The injection token of a module's `SessionAudit`; see `getSessionServiceToken`. */
export function getSessionAuditToken(name?: string): typeof SessionAudit | string {
  return name === undefined || name === 'default' ? SessionAudit : `SessionAudit:${name}`;
}
