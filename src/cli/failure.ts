import { sqlState } from '../audit/postgres/database-errors.js';
import { SessionError } from '../errors.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { maskUrl } from './mask-url.js';
import { UsageError } from './usage-error.js';

export interface Failure {
  code: ExitCode;
  message: string;
}

/** Postgres's own codes for a role, password or database that is not right. */
const WRONG_ACCESS = /^(28|3D)/;

/** What to tell the operator, and scripts. */
export function describeFailure(error: unknown, env: NodeJS.ProcessEnv): Failure {
  if (error instanceof UsageError) return { code: EXIT.USAGE, message: error.message };
  if (!(error instanceof SessionError)) {
    return {
      code: EXIT.INTERNAL,
      message: `This should not have happened: ${reasonOf(error)}. Please report it.`,
    };
  }
  switch (error.code) {
    case 'ERR_SESSION_REDIS_UNAVAILABLE':
    case 'ERR_SESSION_REDIS_FULL':
      return {
        code: EXIT.UNAVAILABLE,
        message: `Redis (${shown(env.REDIS_URL)}) can't be used now: ${reasonOf(error)}. See that it runs and that REDIS_URL names it; nothing is lost, so run this again.`,
      };
    case 'ERR_SESSION_REDIS_REFUSED':
      return {
        code: EXIT.USAGE,
        message: `Redis (${shown(env.REDIS_URL)}) refused: ${reasonOf(error)}. Check user, password and rights in REDIS_URL.`,
      };
    case 'ERR_SESSION_DATABASE_UNAVAILABLE':
      return unavailableDatabase(error, env);
    case 'ERR_SESSION_DATABASE_UNSUITABLE':
      return {
        code: EXIT.USAGE,
        message: `Postgres (${shown(env.DATABASE_URL)}) refused: ${reasonOf(error)}. Run the migrations (npm run migration:run), set LEDGER_SCHEMA where the tables are in another schema than public, or use a role with rights on them.`,
      };
    default:
      return { code: EXIT.USAGE, message: error.message };
  }
}

function unavailableDatabase(error: SessionError, env: NodeJS.ProcessEnv): Failure {
  const postgres = `Postgres (${shown(env.DATABASE_URL)})`;
  if (WRONG_ACCESS.test(sqlState(error.cause ?? {}) ?? '')) {
    return {
      code: EXIT.USAGE,
      message: `${postgres} refused: ${reasonOf(error)}. Check user, password and database in DATABASE_URL.`,
    };
  }
  return {
    code: EXIT.UNAVAILABLE,
    message: `${postgres} can't be used now: ${reasonOf(error)}. See that it runs and that DATABASE_URL names it; nothing is lost, so run this again.`,
  };
}

/** The innermost reason. Node gives one per address of a name, in an error without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join('; ');
  }
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return (error.message || String((error as { code?: unknown }).code ?? error.name)).replace(
    /\.$/,
    '',
  );
}

function shown(url: string | undefined): string {
  return url ? maskUrl(url) : 'not set';
}
