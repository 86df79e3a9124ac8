import { sqlState } from '../audit/postgres/errors.js';
import { messageOf, SessionError } from '../errors.js';
import { isAccessDenied } from '../store/redis-errors.js';
import { maskUrl } from './mask-url.js';

/** Exit codes. They are part of the public interface, so scripts can rely on them. */
export const EXIT = {
  OK: 0,
  /** The command ran and found problems, such as a broken chain or dead letters. */
  FINDINGS: 1,
  /** The command line, the environment or the tables need fixing. Retrying does not help. */
  USAGE: 2,
  /** Redis or Postgres is unavailable. Retry later. */
  UNAVAILABLE: 3,
  /** A bug in this program. */
  INTERNAL: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A problem that the operator has to fix before the command can run. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Failure {
  code: ExitCode;
  message: string;
}

/** The variables that say where Redis is. One of them is set. */
export const REDIS_VARIABLES = ['REDIS_URL', 'REDIS_SENTINELS', 'REDIS_CLUSTER'] as const;

/** SQLSTATEs of a wrong role or password (class 28) or of a missing database (class 3D). */
const ACCESS_DENIED = /^(28|3D)/;

/** Turns an error into an exit code and a message that says what to do. */
export function describeFailure(error: unknown, env: NodeJS.ProcessEnv): Failure {
  if (error instanceof UsageError) return { code: EXIT.USAGE, message: error.message };
  if (!(error instanceof SessionError)) {
    return {
      code: EXIT.INTERNAL,
      message: `Internal error: ${reasonOf(error)}. Please report it.`,
    };
  }
  const redis = describeRedis(env);
  const postgres = `Postgres (${shown(env.DATABASE_URL)})`;
  if (isAccessDenied(error)) {
    return rejected(
      redis.server,
      error,
      `Check the user, the password and its permissions (${redis.variable}).`,
    );
  }
  switch (error.code) {
    case 'ERR_SESSION_REDIS_UNAVAILABLE':
    case 'ERR_SESSION_REDIS_FULL':
      return unavailable(redis.server, redis.variable, error);
    case 'ERR_SESSION_REDIS_REFUSED':
      return rejected(redis.server, error, `Check its version and settings (${redis.variable}).`);
    case 'ERR_SESSION_DATABASE_UNAVAILABLE':
      return ACCESS_DENIED.test(sqlState(error.cause ?? {}) ?? '')
        ? rejected(postgres, error, 'Check the user, password and database in DATABASE_URL.')
        : unavailable(postgres, 'DATABASE_URL', error);
    case 'ERR_SESSION_DATABASE_UNSUITABLE':
      return rejected(
        postgres,
        error,
        'Run the migrations (npx session-ledger migrate), set LEDGER_SCHEMA if the tables are in a ' +
          'schema other than public, or use a role that may access them.',
      );
    case 'ERR_SESSION_AUDIT_RUNNING':
      return { code: EXIT.UNAVAILABLE, message: error.message };
    default:
      return { code: EXIT.USAGE, message: error.message };
  }
}

/** What messages call Redis, and the variable that names it. The lists of addresses have no secrets. */
function describeRedis(env: NodeJS.ProcessEnv): { server: string; variable: string } {
  const variable = REDIS_VARIABLES.find((name) => env[name]) ?? 'REDIS_URL';
  if (variable === 'REDIS_URL') return { server: `Redis (${shown(env.REDIS_URL)})`, variable };
  const master = variable === 'REDIS_SENTINELS' ? `, master ${env.REDIS_MASTER}` : '';
  return { server: `Redis (${variable} ${env[variable]}${master})`, variable };
}

function unavailable(server: string, variable: string, error: SessionError): Failure {
  return {
    code: EXIT.UNAVAILABLE,
    message:
      `${server} is unavailable: ${reasonOf(error)}. Check that it is running and that ` +
      `${variable} points to it, then retry. No data was lost.`,
  };
}

function rejected(server: string, error: SessionError, remedy: string): Failure {
  return {
    code: EXIT.USAGE,
    message: `${server} rejected the request: ${reasonOf(error)}. ${remedy}`,
  };
}

/** The message of the innermost cause. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.cause instanceof Error) return reasonOf(error.cause);
  return messageOf(error).replace(/\.$/, '');
}

function shown(url: string | undefined): string {
  return url ? maskUrl(url) : 'not set';
}
