import { applyDecorators, UseGuards } from '@nestjs/common';

import { protectGateway } from './websocket/gateway-protection.js';
import { inheritedRule, RuleOf, toRule, type SessionRequirement } from './requirement.js';
import { SessionGuard } from './session.guard.js';

/**
 * Demands a valid session: of a controller, a GraphQL resolver or a WebSocket gateway, or of one
 * of its methods. A method's own decorator replaces that of its class.
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
 */
export function RequireSession(requirement: SessionRequirement = {}) {
  const rule = toRule(requirement);
  return (target: object, key?: string | symbol, method?: PropertyDescriptor): void => {
    const name = rule.name ?? (method ? undefined : inheritedRule(target)?.name);
    apply([RuleOf({ ...rule, name }), UseGuards(SessionGuard)], target, key, method);
    protectGateway(method ? target : (target as { prototype: object }).prototype);
  };
}

/** Lets everybody in, where a class's `@RequireSession()` or a global `SessionGuard` wouldn't. */
export const Public = () => RuleOf({ isPublic: true });

function apply(
  decorators: (ClassDecorator | MethodDecorator)[],
  target: object,
  key?: string | symbol,
  method?: PropertyDescriptor,
): void {
  applyDecorators(...decorators)(target as never, key as never, method);
}
