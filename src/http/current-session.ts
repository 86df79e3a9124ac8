import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

import type { ValidSession } from '../session/session.service.js';
import { getSessionAuthenticatorToken } from './gate-token.js';
import { requestContextOf } from './request-context.js';
import { ruleFor } from './requirement.js';

/** By request or socket, and by module. A property of the request could be anybody's. */
const admitted = new WeakMap<object, Map<string, ValidSession<unknown>>>();

/** Notes the session that a request or socket was let in with. */
export function rememberSession(subject: object, gate: string, valid: ValidSession<unknown>): void {
  const sessions = admitted.get(subject);
  if (sessions) sessions.set(gate, valid);
  else admitted.set(subject, new Map([[gate, valid]]));
}

/** The session that a request or socket was let in with by a module's gate. */
export function rememberedSession(
  subject: object,
  gate: string,
): ValidSession<unknown> | undefined {
  return admitted.get(subject)?.get(gate);
}

/**
 * The session that `SessionGuard` found, with its user: for guards and interceptors of your own
 * that come after it. Undefined on a `@Public()` route.
 */
export function currentSessionOf<TUser = unknown>(
  context: ExecutionContext,
): ValidSession<TUser> | undefined {
  const gate = getSessionAuthenticatorToken(ruleFor(context).name);
  return rememberedSession(requestContextOf(context).subject, gate) as
    ValidSession<TUser> | undefined;
}

/**
 * The request's session, as `SessionDetails`: without its ID. Undefined on a `@Public()` route.
 *
 * ```ts
 * find(@CurrentSession() session: SessionDetails) {}
 * ```
 */
export const CurrentSession = createParamDecorator(
  (_: void, context: ExecutionContext) => currentSessionOf(context)?.session,
);

/** The user of the request's session, as the option `users` gave it. Undefined on a `@Public()` route. */
export const CurrentUser = createParamDecorator(
  (_: void, context: ExecutionContext) => currentSessionOf(context)?.user,
);
