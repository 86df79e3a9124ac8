import { Catch, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';

import { SessionError } from '../errors.js';
import type { HttpResponse } from './http-messages.js';
import { answerWith, asRejection } from './session-rejection.js';

/**
 * Answers errors of `SessionService` that a controller doesn't handle: 503 with `Retry-After`
 * where Redis is away, say, instead of 500. The guard and `SessionCookie` need no filter.
 *
 * ```ts
 * @Module({ providers: [{ provide: APP_FILTER, useClass: SessionExceptionFilter }] })
 * ```
 */
@Catch(SessionError)
export class SessionExceptionFilter extends BaseExceptionFilter {
  override catch(error: SessionError, host: ArgumentsHost): void {
    // Resolvers and gateways have no response; their own error handling goes on.
    if (host.getType() !== 'http') throw asRejection(error);
    const response = host.switchToHttp().getResponse<HttpResponse>();
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback -- a filter's
    super.catch(answerWith(response, asRejection(error)), host);
  }
}
