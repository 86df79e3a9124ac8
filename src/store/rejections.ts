import { SessionError } from '../errors.js';
import type { CreateReply, StoreRules } from './scripts.js';

/** The absolute expiry that a caller asks for: a lifetime from now, or a moment (ms). */
export type RequestedExpiry = { kind: 'for' | 'until'; value: number };

/** The error for a create that a rule rejected. */
export function creationRejected(
  reply: Exclude<CreateReply, { status: 'OK' | 'AGAIN' }>,
  expiry: RequestedExpiry,
  { maxLifetime, backlogLimit, maxSessionsPerUser }: StoreRules,
): SessionError {
  switch (reply.status) {
    case 'PAST':
      return new SessionError(
        'ERR_SESSION_EXPIRES',
        `\`expires\` is in the past: ${describeMoment(expiry.value)}. Redis's clock says ${describeMoment(reply.now)}.`,
      );
    case 'TOO_LONG':
      return new SessionError(
        'ERR_SESSION_EXPIRES',
        `\`expires\` is further ahead than \`maxLifetime\` (${maxLifetime} ms) allows: ` +
          `${expiry.kind === 'until' ? describeMoment(expiry.value) : `${expiry.value} ms`}.`,
      );
    case 'BACKLOG':
      return new SessionError(
        'ERR_SESSION_BACKLOG',
        `${reply.events} audit events are waiting for Postgres, and \`audit.backlogLimit\` is ` +
          `${backlogLimit}: no session can be created until they are recorded. Check Postgres and ` +
          'the audit workers.',
      );
    case 'LIMIT':
      return new SessionError(
        'ERR_SESSION_LIMIT',
        `The user has ${reply.sessions} sessions, and \`maxSessionsPerUser\` is ` +
          `${maxSessionsPerUser}. End one of them first.`,
      );
    case 'STALE':
      return tooLate();
    default:
      return new SessionError(
        'ERR_SESSION_REDIS_REFUSED',
        `Redis rejected a command: ${reply.message}`,
      );
  }
}

/** Redis got to the request after its caller had given up, so it did nothing. */
export function tooLate(): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_UNAVAILABLE',
    'Redis received the request too late and did not carry it out. Check the load of this process ' +
      'and of Redis, and the option `redisTimeout`.',
  );
}

export function dataTooLarge(bytes: number, limit: number): SessionError {
  return new SessionError(
    'ERR_SESSION_DATA_TOO_LARGE',
    `The session's data would be ${bytes} bytes of JSON; the limit is ${limit}. ` +
      'Store large values elsewhere and keep their keys in the session.',
  );
}

/** An unprintable date must not turn a rejection into a RangeError. */
function describeMoment(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}
