import { SessionService } from '../session/session.service.js';

/**
 * The injection token of a module's `SessionService`: the class itself, or a text for a module
 * with a `name`.
 *
 * ```ts
 * constructor(@Inject(getSessionServiceToken('staff')) private readonly sessions: SessionService) {}
 * ```
 */
export function getSessionServiceToken(name?: string): typeof SessionService | string {
  return name === undefined || name === 'default' ? SessionService : `SessionService:${name}`;
}
