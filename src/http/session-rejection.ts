import { HttpException, Logger } from '@nestjs/common';

import { SessionError } from '../errors.js';
import { setHeader, type HttpResponse } from './http-messages.js';

/**
 * Why a request was rejected: the `code` in the body of the response.
 *
 * | code | status | meaning |
 * |---|---|---|
 * | `ERR_SESSION_REQUIRED` | 401 | the session ID is missing or unknown, or its session has ended: sign in |
 * | `ERR_SESSION_NOT_FRESH` | 401 | the session is valid, but the sign-in is too old: sign in again |
 * | `ERR_SESSION_CROSS_SITE` | 403 | a page of another origin sent the request |
 * | `ERR_SESSION_LIMIT` | 409 | the user has `maxSessionsPerUser` sessions: end one first |
 * | `ERR_SESSION_REDIS_UNAVAILABLE` | 503 | Redis is unavailable; retry after `Retry-After` |
 * | `ERR_SESSION_REDIS_FULL` | 503 | Redis is out of memory, so users can't sign in; retry later |
 * | `ERR_SESSION_BACKLOG` | 503 | too many events wait for Postgres, so users can't sign in; retry later |
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
  ERR_SESSION_REQUIRED: unauthorized('No valid session. Sign in first.'),
  ERR_SESSION_NOT_FRESH: unauthorized('You signed in too long ago for this. Sign in again.'),
  ERR_SESSION_CROSS_SITE: {
    status: 403,
    error: 'Forbidden',
    message: 'This request came from a page of another site.',
  },
  ERR_SESSION_LIMIT: {
    status: 409,
    error: 'Conflict',
    message: 'You have too many sessions. End one of them first.',
  },
  ERR_SESSION_REDIS_UNAVAILABLE: unavailable(
    'Sessions are temporarily unavailable. Try again in a few seconds.',
  ),
  ERR_SESSION_REDIS_FULL: unavailable('Signing in is temporarily unavailable. Try again later.'),
  ERR_SESSION_BACKLOG: unavailable('Signing in is temporarily unavailable. Try again later.'),
};

/** Value of `Retry-After` (s). Redis, or a promoted replica, is usually back within seconds. */
const RETRY_AFTER = 2;

/**
 * A request was rejected because of its session. Nest answers it with the status and the body
 * `{ statusCode, code, error, message }`. The message is safe to show to the client.
 */
export class SessionRejection extends HttpException {
  /** GraphQL servers copy this into `errors[].extensions`. */
  readonly extensions: { code: SessionRejectionCode };

  constructor(
    readonly code: SessionRejectionCode,
    /** Headers for the response, by their lower-case names. */
    readonly headers: Readonly<Record<string, string>> = {},
    options?: { cause?: unknown },
  ) {
    const { status, error, message } = REASONS[code];
    super({ statusCode: status, code, error, message }, status, options);
    this.extensions = { code };
  }
}

/** RFC 9110 requires a challenge; RFC 6750 adds the error if a bearer token was sent. */
export function sessionRequired(tokenSent: boolean): SessionRejection {
  const challenge = tokenSent ? 'Bearer error="invalid_token"' : 'Bearer';
  return new SessionRejection('ERR_SESSION_REQUIRED', { 'www-authenticate': challenge });
}

/**
 * `ERR_SESSION_NOT_FRESH` with the step-up challenge of RFC 9470.
 *
 * @param maxAge maximum age of the sign-in (ms)
 */
export function notFresh(maxAge: number): SessionRejection {
  const seconds = Math.ceil(maxAge / 1000);
  return new SessionRejection('ERR_SESSION_NOT_FRESH', {
    'www-authenticate': `Bearer error="insufficient_user_authentication", max_age="${seconds}"`,
  });
}

/**
 * Turns a `SessionError` that the user can resolve, or that is temporary, into a rejection.
 * Returns all other errors unchanged.
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

/** Writes the headers of a rejection to the response, and returns the error. Nest writes the body. */
export function withHeaders(response: HttpResponse | undefined, error: unknown): unknown {
  if (response && error instanceof SessionRejection) {
    for (const [name, value] of Object.entries(error.headers)) setHeader(response, name, value);
  }
  return error;
}

/** What a client receives about a rejection over a socket. */
export interface SocketRejection {
  status: 'error';
  code: SessionRejectionCode;
  message: string;
}

export function socketRejection({ code, message }: SessionRejection): SocketRejection {
  return { status: 'error', code, message };
}

/** Nest sends this to the client as an `exception` event; gateways don't handle HTTP exceptions. */
export async function asWsException(rejection: SessionRejection): Promise<Error> {
  try {
    const { WsException } = await import('@nestjs/websockets');
    return new WsException(socketRejection(rejection));
  } catch (cause) {
    // An application with a gateway has the package. In this `try`, bundlers accept that others don't.
    throw new Error('The package @nestjs/websockets is missing. Install it.', { cause });
  }
}

/**
 * Logs rejections. Lines contain nothing that a client sent, so clients can't forge log lines and
 * secrets don't get into the log.
 */
export class RejectionLog {
  /** Called with the code of each rejection; for metrics. */
  listener: ((code: string) => void) | undefined;
  private readonly logger = new Logger('SessionGuard');
  private isRedisDown = false;

  rejected(rejection: unknown): void {
    if (!(rejection instanceof SessionRejection)) return;
    this.listener?.(rejection.code);
    switch (rejection.code) {
      case 'ERR_SESSION_REDIS_UNAVAILABLE':
        this.redisUnavailable(rejection);
        return;
      case 'ERR_SESSION_CROSS_SITE':
        // An attempt to bypass a security control (ASVS 5.0, 16.3.3).
        this.logger.warn('Rejected a cross-site request (ERR_SESSION_CROSS_SITE).');
        return;
      default:
        // Crawlers and expired sessions cause thousands of these (ASVS 5.0, 16.3.2).
        this.logger.debug(`Rejected a request (${rejection.code}).`);
    }
  }

  /** A session was found, so Redis is available. */
  accepted(): void {
    if (!this.isRedisDown) return;
    this.isRedisDown = false;
    this.logger.log('Redis is available again.');
  }

  /** Logs once per outage: thousands of requests can run into the same one. */
  private redisUnavailable({ cause }: SessionRejection): void {
    if (this.isRedisDown) return;
    this.isRedisDown = true;
    const reason = cause instanceof Error ? cause.message : '';
    this.logger.error(`Redis is unavailable, so requests are answered with 503: ${reason}`);
  }
}
