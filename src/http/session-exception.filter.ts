import { Catch, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';

import { SessionError } from '../errors.js';
import type { HttpResponse } from './http-messages.js';
import { asRejection, withHeaders } from './session-rejection.js';

/**
 * Answers a `SessionError` that a controller doesn't handle with the status of its
 * `SessionRejection` instead of 500: for example with 503 and `Retry-After` if Redis is
 * unavailable. Only needed for direct calls of `SessionService`; the guard and `SessionCookie`
 * do this themselves.
 *
 * ```ts
 * @Module({ providers: [{ provide: APP_FILTER, useClass: SessionExceptionFilter }] })
 * ```
 */
@Catch(SessionError)
export class SessionExceptionFilter extends BaseExceptionFilter {
  override catch(error: SessionError, host: ArgumentsHost): void {
    // Resolvers and gateways have no response; leave the error to their own error handling.
    if (host.getType() !== 'http') throw asRejection(error);
    const response = host.switchToHttp().getResponse<HttpResponse>();
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback -- not a promise
    super.catch(withHeaders(response, asRejection(error)), host);
  }
}
