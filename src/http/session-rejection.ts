import { HttpException } from '@nestjs/common';

import { SessionError } from '../errors.js';
import { setHeader, type HttpResponse } from './http-messages.js';

/**
 * Why a request was refused: the `code` of the answer's body.
 *
 * | code | status | meaning |
 * |---|---|---|
 * | `ERR_SESSION_REQUIRED` | 401 | no session, or one that is unknown or over: sign in |
 * | `ERR_SESSION_NOT_FRESH` | 401 | the session is valid, its sign-in too long ago: sign in again |
 * | `ERR_SESSION_CROSS_SITE` | 403 | a page of another origin sent the request |
 * | `ERR_SESSION_LIMIT` | 409 | the user has as many sessions as may be; end another first |
 * | `ERR_SESSION_REDIS_UNAVAILABLE` | 503 | nobody can tell now; try again after `Retry-After` |
 * | `ERR_SESSION_REDIS_FULL`, `ERR_SESSION_BACKLOG` | 503 | nobody can sign in now; the same |
 */
export type SessionRejectionCode =
  | 'ERR_SESSION_REQUIRED'
  | 'ERR_SESSION_NOT_FRESH'
  | 'ERR_SESSION_CROSS_SITE'
  | 'ERR_SESSION_LIMIT'
  | 'ERR_SESSION_REDIS_UNAVAILABLE'
  | 'ERR_SESSION_REDIS_FULL'
  | 'ERR_SESSION_BACKLOG';

interface Reason {
  status: number;
  error: string;
  message: string;
}

const unauthorized = (message: string): Reason => ({ status: 401, error: 'Unauthorized', message });
const unavailable = (message: string): Reason => ({
  status: 503,
  error: 'Service Unavailable',
  message,
});

const REASONS: Record<SessionRejectionCode, Reason> = {
  ERR_SESSION_REQUIRED: unauthorized('Sign in first.'),
  ERR_SESSION_NOT_FRESH: unauthorized('The sign-in is too long ago for this. Sign in again.'),
  ERR_SESSION_CROSS_SITE: {
    status: 403,
    error: 'Forbidden',
    message: 'A page of another site sent this request.',
  },
  ERR_SESSION_LIMIT: {
    status: 409,
    error: 'Conflict',
    message: 'Too many sessions. End another one first.',
  },
  ERR_SESSION_REDIS_UNAVAILABLE: unavailable('Sessions cannot be checked now. Try again soon.'),
  ERR_SESSION_REDIS_FULL: unavailable('Nobody can sign in now. Try again soon.'),
  ERR_SESSION_BACKLOG: unavailable('Nobody can sign in now. Try again soon.'),
};

/** s, as `Retry-After` says it. Redis is back, or a replica in its place, within seconds. */
const RETRY_AFTER = 2;

/** A request refused for its session. Its message is safe to show to the client. */
export class SessionRejection extends HttpException {
  /** GraphQL servers copy this into the error of their answer. */
  readonly extensions: { code: SessionRejectionCode };

  constructor(
    readonly code: SessionRejectionCode,
    /** What the answer's headers say beside. */
    readonly headers: Readonly<Record<string, string>> = {},
    options?: { cause?: unknown },
  ) {
    const { status, error, message } = REASONS[code];
    super({ statusCode: status, code, error, message }, status, options);
    this.extensions = { code };
  }
}

/** RFC 9110 asks for a challenge; RFC 6750 names the token that is no good. */
export function sessionRequired(tokenSent: boolean): SessionRejection {
  const challenge = tokenSent ? 'Bearer error="invalid_token"' : 'Bearer';
  return new SessionRejection('ERR_SESSION_REQUIRED', { 'www-authenticate': challenge });
}

/** RFC 9470: the step-up challenge. */
export function notFresh(maxAge: number): SessionRejection {
  const seconds = Math.ceil(maxAge / 1000);
  return new SessionRejection('ERR_SESSION_NOT_FRESH', {
    'www-authenticate': `Bearer error="insufficient_user_authentication", max_age="${seconds}"`,
  });
}

/**
 * An error of the module as an answer to the client, where it can be one: those that the client's
 * user can do something about, or that will pass. Others stay what they are.
 */
export function asRejection(error: unknown): unknown {
  if (!(error instanceof SessionError)) return error;
  switch (error.code) {
    case 'ERR_SESSION_NOT_FOUND':
      return sessionRequired(false);
    case 'ERR_SESSION_LIMIT':
      return new SessionRejection(error.code, {}, { cause: error });
    case 'ERR_SESSION_REDIS_UNAVAILABLE':
    case 'ERR_SESSION_REDIS_FULL':
    case 'ERR_SESSION_BACKLOG':
      return new SessionRejection(
        error.code,
        { 'retry-after': String(RETRY_AFTER) },
        { cause: error },
      );
    default:
      return error;
  }
}

/** Writes what the refusal says in headers; its body is for Nest to write. */
export function answerWith(response: HttpResponse | undefined, error: unknown): unknown {
  if (response && error instanceof SessionRejection) {
    for (const [name, value] of Object.entries(error.headers)) setHeader(response, name, value);
  }
  return error;
}
