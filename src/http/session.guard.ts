import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';

import { requestContextOf, type RequestContext } from './request-context.js';
import { ruleFor } from './requirement.js';
import { findAuthenticator } from './session.authenticator.js';
import { asWsException, SessionRejection, withHeaders } from './session-rejection.js';

/**
 * Accepts requests that carry a valid session and rejects all others with a `SessionRejection`.
 * `@RequireSession()` applies this guard to a class or a method. To guard a whole application,
 * with `@Public()` for exceptions:
 *
 * ```ts
 * @Module({ providers: [{ provide: APP_GUARD, useClass: SessionGuard }] })
 * ```
 */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(private readonly modules: ModuleRef) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const rule = ruleFor(execution);
    if (rule.isPublic) return true;
    const context = requestContextOf(execution);
    try {
      await findAuthenticator(this.modules, rule.name).authenticate(context, rule.fresh);
      return true;
    } catch (error) {
      throw await errorFor(execution, context, error);
    }
  }
}

/** The error in a form that the transport's own error handling understands. */
async function errorFor(
  execution: ExecutionContext,
  { response }: RequestContext,
  error: unknown,
): Promise<unknown> {
  const isRejectedSocket = execution.getType() === 'ws' && error instanceof SessionRejection;
  return isRejectedSocket ? asWsException(error) : withHeaders(response, error);
}
