import { Writable } from 'node:stream';

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

/** What a command said, and how it ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** An operator at a terminal, with an application's Redis and Postgres. */
export interface Operator {
  /** A trail of its own for each test: keys and tables are new. */
  readonly sessions: SessionService<unknown>;
  readonly audit: SessionAudit;
  readonly redis: Redis;
  readonly client: Client;
  readonly servers: { redis: PrivateServer; postgres: PrivatePostgres };
  readonly env: NodeJS.ProcessEnv;
  /** Runs the command line in this process. */
  ledger(...args: string[]): Promise<Outcome>;
  /** As `ledger`, with variables set otherwise, or taken away. */
  ledgerWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Outcome>;
  /** As `ledger`, where standard error is a terminal. */
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
    await nest.get(SessionAudit).health(); // connects, and so makes the tables
    redis = new Redis(servers!.redis.url);
    client = new Client({ connectionString: database });
    client.on('error', () => undefined); // a test that kills Postgres sees it elsewhere
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
  const [stdout, stderr] = [new Page(), new Page()];
  const code = await run(args, {
    env,
    stdout,
    stderr: Object.assign(stderr, terminal(isTerminal)),
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** What cli-progress asks of a terminal. */
function terminal(isTTY: boolean) {
  const nothing = () => true;
  return { isTTY, columns: 100, cursorTo: nothing, clearLine: nothing, moveCursor: nothing };
}

/** Keeps what is written. */
class Page extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
