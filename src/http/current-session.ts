import {
  createParamDecorator,
  type ExecutionContext,
  type PipeTransform,
  type Type,
} from '@nestjs/common';

import type { ValidSession } from '../session/session.service.js';
import { requestContextOf } from './request-context.js';
import { ruleFor } from './requirement.js';

/**
 * Authenticated sessions by request or socket, then by module name. Kept outside the request
 * object, because other code could set a property on it.
 */
const authenticated = new WeakMap<object, Map<string, ValidSession<unknown>>>();

/** Remembers the session that authenticated a request or socket. */
export function rememberSession(
  subject: object,
  valid: ValidSession<unknown>,
  module = 'default',
): void {
  const sessions = authenticated.get(subject);
  if (sessions) sessions.set(module, valid);
  else authenticated.set(subject, new Map([[module, valid]]));
}

/** The session that authenticated a request or socket with this module. */
export function rememberedSession(
  subject: object,
  module = 'default',
): ValidSession<unknown> | undefined {
  return authenticated.get(subject)?.get(module);
}

/**
 * The session and the user that `SessionGuard` found, for your own guards and interceptors that
 * run after it. Undefined on a `@Public()` route.
 */
export function currentSessionOf<TUser = unknown>(
  execution: ExecutionContext,
): ValidSession<TUser> | undefined {
  const { subject } = requestContextOf(execution);
  return rememberedSession(subject, ruleFor(execution).name) as ValidSession<TUser> | undefined;
}

/**
 * Injects the session of the request as `SessionDetails`, which doesn't contain the session ID.
 * Undefined on a `@Public()` route.
 *
 * ```ts
 * find(@CurrentSession() session: SessionDetails) {}
 * ```
 */
export const CurrentSession = parameter((execution) => currentSessionOf(execution)?.session);

/**
 * Injects the user of the request's session, as the `users` option loaded it. Undefined on a
 * `@Public()` route.
 */
export const CurrentUser = parameter((execution) => currentSessionOf(execution)?.user);

/** The type that Nest infers for a decorator names types which the first releases of Nest 11 lack. */
function parameter(
  read: (execution: ExecutionContext) => unknown,
): (...pipes: (Type<PipeTransform> | PipeTransform)[]) => ParameterDecorator {
  return createParamDecorator((_: void, execution: ExecutionContext) => read(execution));
}
