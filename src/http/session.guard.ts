import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';

import { findAuthenticator } from './find-gate.js';
import { requestContextOf, type RequestContext } from './request-context.js';
import { ruleFor } from './requirement.js';
import { answerWith, SessionRejection } from './session-rejection.js';
import { asSocketError } from './websocket/socket-error.js';

/**
 * Lets in what carries a valid session. `@RequireSession()` brings it along; to guard a whole
 * application, with `@Public()` for the exceptions:
 *
 * ```ts
 * @Module({ providers: [{ provide: APP_GUARD, useClass: SessionGuard }] })
 * ```
 */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(private readonly modules: ModuleRef) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = ruleFor(context);
    if (rule.isPublic) return true;
    const incoming = requestContextOf(context);
    try {
      await findAuthenticator(this.modules, rule.name).authenticate(incoming, rule.fresh);
      return true;
    } catch (error) {
      throw await answerFor(error, incoming, context);
    }
  }
}

/** The refusal in the form that the transport's own error handling understands. */
async function answerFor(error: unknown, { response }: RequestContext, context: ExecutionContext) {
  const isRefusedSocket = context.getType() === 'ws' && error instanceof SessionRejection;
  return isRefusedSocket ? asSocketError(error) : answerWith(response, error);
}
