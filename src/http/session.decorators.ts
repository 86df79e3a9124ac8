import { applyDecorators, UseGuards } from '@nestjs/common';

import { inheritedRule, RuleOf, toRule, within, type SessionRequirement } from './requirement.js';
import { SessionGuard } from './session.guard.js';
import { protectGateway } from './websocket/handshake-guard.js';

/**
 * Requires a valid session for a controller, GraphQL resolver or WebSocket gateway, or for one of
 * its methods. A decorator on a method replaces the one on its class, but never allows an older sign-in
 * than that. Requests without a valid session are rejected with a `SessionRejection`.
 *
 * ```ts
 * @RequireSession()
 * @Controller('account')
 * class AccountController {
 *   @RequireSession({ fresh: '10m' })
 *   @Post('password')
 *   changePassword(@CurrentUser() user: User) {}
 * }
 * ```
 *
 * @throws SessionError `ERR_SESSION_OPTIONS` if `fresh` is invalid, while the class is defined
 */
export function RequireSession(requirement: SessionRequirement = {}) {
  const rule = toRule(requirement);
  return (target: object, key?: string | symbol, method?: PropertyDescriptor): void => {
    const complete = method ? rule : within(inheritedRule(target), rule);
    apply([RuleOf(complete), UseGuards(SessionGuard)], target, key, method);
    protectGateway(method ? target : (target as { prototype: object }).prototype);
  };
}

/**
 * Exempts a class or a method from `@RequireSession()` on its class and from a global
 * `SessionGuard`. The guard doesn't read the session then, so `@CurrentUser()` is undefined.
 */
export const Public = () => RuleOf({ isPublic: true });

function apply(
  decorators: (ClassDecorator | MethodDecorator)[],
  target: object,
  key?: string | symbol,
  method?: PropertyDescriptor,
): void {
  applyDecorators(...decorators)(target as never, key as never, method);
}
