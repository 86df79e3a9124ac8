import type { LedgerLayout } from '../audit/postgres/schema.js';
import { BUCKETS, PREFIX, SQL_IDENTIFIER, USER_ID_TYPE, type OptionRule } from '../option-rules.js';
import { UsageError } from './failure.js';
import { maskUrl } from './mask-url.js';
import { readRedisLocation, REDIS_HELP, type RedisLocation } from './redis-environment.js';

/** What a command connects to: `postgres` has the audit tables, a `database` may lack them. */
export type Requirement = 'redis' | 'postgres' | 'database';

/** The environment variables, checked. */
export interface Environment {
  redis: RedisLocation | undefined;
  databaseUrl: string | undefined;
  /** Whether the command works only with the audit tables. */
  needsTables: boolean;
  layout: LedgerLayout;
  prefix: string;
  /** If undefined, the number is read from Redis. */
  buckets: number | undefined;
}

/** Part of `--help`. */
export const ENVIRONMENT_HELP = `
Environment:
${REDIS_HELP}
  DATABASE_URL     postgres://user:password@host:5432/database
  LEDGER_SCHEMA    schema of the audit tables (default: public)
  USER_ID_TYPE     text, integer, bigint or uuid (default: text)
  USERS_TABLE      users table that the audit tables refer to (default: none)
  USERS_COLUMN     its key column (default: id)
  SESSION_PREFIX   the module's \`prefix\` option (default: nsl)
  SESSION_BUCKETS  the module's \`buckets\` option (default: read from Redis)
A variable that is not set is read from the file .env in the current folder, if there is one.`;

/**
 * Reads the same variables as `ormconfig.ts`, and those for Redis. An empty variable counts as
 * not set.
 *
 * @throws UsageError that names the variable, its value and the remedy
 */
export function readEnvironment(env: NodeJS.ProcessEnv, required: Requirement[]): Environment {
  const { USERS_TABLE } = env;
  for (const part of USERS_TABLE?.split('.') ?? []) check('USERS_TABLE', part, SQL_IDENTIFIER);
  const column = check('USERS_COLUMN', env.USERS_COLUMN, SQL_IDENTIFIER);
  return {
    redis: required.includes('redis') ? redisLocation(env) : undefined,
    databaseUrl: required.some((each) => each !== 'redis')
      ? databaseUrl(env.DATABASE_URL)
      : undefined,
    needsTables: required.includes('postgres'),
    layout: {
      schema: check('LEDGER_SCHEMA', env.LEDGER_SCHEMA, SQL_IDENTIFIER),
      userId: {
        type: check('USER_ID_TYPE', env.USER_ID_TYPE, USER_ID_TYPE),
        references: USERS_TABLE ? { table: USERS_TABLE, column } : undefined,
      },
    },
    prefix: check('SESSION_PREFIX', env.SESSION_PREFIX, PREFIX) ?? 'nsl',
    buckets: check('SESSION_BUCKETS', env.SESSION_BUCKETS, BUCKETS, Number),
  };
}

function check<T>(
  variable: string,
  text: string | undefined,
  rule: OptionRule<T>,
  parse: (text: string) => unknown = String,
): T | undefined {
  if (!text) return undefined;
  const value = parse(text);
  if (rule.accepts(value)) return value;
  throw new UsageError(`${variable} is ${JSON.stringify(text)}; ${rule.remedy}.`);
}

function redisLocation(env: NodeJS.ProcessEnv): RedisLocation {
  const location = readRedisLocation(env);
  if ('url' in location) {
    checkUrl('REDIS_URL', location.url, /^rediss?:$/, 'redis://localhost:6379');
  }
  return location;
}

function databaseUrl(value: string | undefined): string {
  const example = 'postgres://user@localhost/ledger';
  return checkUrl('DATABASE_URL', value, /^postgres(ql)?:$/, example);
}

function checkUrl(
  variable: string,
  value: string | undefined,
  scheme: RegExp,
  example: string,
): string {
  if (!value) throw new UsageError(`${variable} is not set. Set it, for example to ${example}`);
  if (URL.canParse(value) && scheme.test(new URL(value).protocol)) return value;
  throw new UsageError(
    `${variable} is ${maskUrl(value)}; use a URL such as ${example}. In a password, characters ` +
      'such as @ : / # ? must be percent-encoded.',
  );
}
