import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';

import {
  startPostgres,
  startRedis,
  type PrivatePostgres,
  type PrivateServer,
} from '../../../dev/index.js';
import { SessionAudit, SessionModule, SessionService } from '../../../src/index.js';
import { run } from '../../../src/cli/run.js';

/** What a command printed, and its exit code. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line against the Redis and Postgres of an application. */
export interface Operator {
  /** Keys and tables are new for each test. */
  readonly sessions: SessionService<unknown>;
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
  let servers: Operator['servers'] | undefined;
  let [nest, redis, client]: [INestApplicationContext?, Redis?, Client?] = [];
  let prefix = '';

  beforeAll(async () => {
    const [redisServer, postgres] = await Promise.all([startRedis(), startPostgres()]);
    servers = { redis: redisServer, postgres };
  });
  beforeEach(async () => {
    prefix = `cli${++prefixes}`;
    const database = await servers!.postgres.createDatabase(prefix);
    const options = { redis: servers!.redis.url, database, prefix, buckets: 4 };
    const audit = { migrate: true, worker: false };
    nest = await NestFactory.createApplicationContext(
      SessionModule.forRoot({ ...options, audit }),
      {
        logger: false,
      },
    );
    await nest.get(SessionAudit).health(); // connects, which creates the tables
    redis = new Redis(servers!.redis.url);
    client = new Client({ connectionString: database });
    client.on('error', () => undefined); // a test that kills Postgres gets the error elsewhere
    await client.connect();
  });
  afterEach(async () => {
    await client?.end().catch(() => undefined);
    redis?.disconnect();
    await nest?.close();
  });
  afterAll(() => Promise.all([servers?.redis.stop(), servers?.postgres.stop()]));

  const operator: Operator = {
    get sessions() {
      return nest!.get(SessionService);
    },
    get audit() {
      return nest!.get(SessionAudit);
    },
    get redis() {
      return redis!;
    },
    get client() {
      return client!;
    },
    get servers() {
      return servers!;
    },
    get env() {
      const databaseUrl = servers!.postgres.url.replace('/ledger', `/${prefix}`);
      return {
        REDIS_URL: servers!.redis.url,
        DATABASE_URL: databaseUrl,
        SESSION_PREFIX: prefix,
      };
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

/** Collects what is written. */
class TextStream {
  isTTY = false;
  text = '';

  write(text: string): void {
    this.text += text;
  }
}
