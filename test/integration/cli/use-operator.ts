import { afterEach, beforeEach } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';

import type { PrivatePostgres, PrivateServer } from '../../../dev/index.js';
import type { SessionAudit, SessionService } from '../../../src/index.js';
import { run } from '../../../src/cli/run.js';
import { startNestProcess, type NestProcess } from '../../support/nest-application.js';
import { useServers } from '../../support/use-servers.js';

/** What a command printed, and its exit code. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line against the Redis and Postgres of an application. */
export interface Operator {
  /** Keys and tables are new for each test. */
  readonly sessions: SessionService;
  readonly audit: SessionAudit;
  readonly redis: Redis;
  readonly client: Client;
  readonly servers: { redis: PrivateServer; postgres: PrivatePostgres };
  readonly env: NodeJS.ProcessEnv;
  /** Runs the command line in this process. */
  ledger(...args: string[]): Promise<Outcome>;
  /** Like `ledger`, with some variables changed, or removed if undefined. */
  ledgerWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Outcome>;
  /** Like `ledger`, with a terminal as standard error. */
  ledgerAtTerminal(...args: string[]): Promise<Outcome>;
}

let prefixes = 0;

export function useOperator(): Operator {
  const servers = useServers({ postgres: true });
  let [app, redis, client]: [NestProcess?, Redis?, Client?] = [];
  let [prefix, database] = ['', ''];

  beforeEach(async () => {
    prefix = `cli${++prefixes}`;
    database = await servers.postgres.createDatabase(prefix);
    app = await startNestProcess({
      redis: redisServer().url,
      database,
      prefix,
      buckets: 4,
      audit: { migrate: true, worker: false },
    });
    await app.audit.health(); // connects, which creates the tables
    redis = new Redis(redisServer().url);
    client = new Client({ connectionString: database });
    client.on('error', () => undefined); // a test that kills Postgres gets the error elsewhere
    await client.connect();
  });
  afterEach(async () => {
    await client?.end().catch(() => undefined);
    redis?.disconnect();
    await app?.close();
  });
  const redisServer = () => servers.redis.servers[0]!;

  const operator: Operator = {
    get sessions() {
      return app!.sessions;
    },
    get audit() {
      return app!.audit;
    },
    get redis() {
      return redis!;
    },
    get client() {
      return client!;
    },
    get servers() {
      return { redis: redisServer(), postgres: servers.postgres };
    },
    get env() {
      return { REDIS_URL: redisServer().url, DATABASE_URL: database, SESSION_PREFIX: prefix };
    },
    ledger: (...args) => runCommand(operator.env, false, args),
    ledgerWith: (env, ...args) => runCommand({ ...operator.env, ...env }, false, args),
    ledgerAtTerminal: (...args) => runCommand(operator.env, true, args),
  };
  return operator;
}

/** Runs the command line in this process. */
export async function runCommand(
  env: NodeJS.ProcessEnv,
  isTerminal: boolean,
  args: string[],
): Promise<Outcome> {
  const [stdout, stderr] = [new TextStream(), new TextStream()];
  stderr.isTTY = isTerminal;
  const code = await run(args, { env, stdout, stderr });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** Collects everything that is written to it. */
class TextStream {
  isTTY = false;
  text = '';

  write(text: string): void {
    this.text += text;
  }
}
