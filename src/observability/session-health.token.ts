import { SessionHealth } from './session-health.js';

/** The injection token of a module's `SessionHealth`; see `getSessionServiceToken`. */
export function getSessionHealthToken(name?: string): typeof SessionHealth | string {
  return name === undefined || name === 'default' ? SessionHealth : `SessionHealth:${name}`;
}
