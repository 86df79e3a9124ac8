import { existsSync } from 'node:fs';

import { afterAll, beforeAll } from '@jest/globals';

import { startPostgres, startRedis, type PrivateServer } from '../../../dev/index.js';
import { startProcess, type StartedProcess } from './started-process.js';

const MAIN = 'build/demo/main.js';

export interface RunningDemo {
  url: string;
  redisUrl: string;
  databaseUrl: string;
}

/** The demo as it is built, on servers of the test's own. */
export function useDemo(): RunningDemo {
  const demo: RunningDemo = { url: '', redisUrl: '', databaseUrl: '' };
  const servers: PrivateServer[] = [];
  let running: StartedProcess | undefined;

  beforeAll(async () => {
    if (!existsSync(MAIN)) throw new Error(`There is no ${MAIN}: run \`npm run build\` first.`);
    const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
    servers.push(redis, postgres);
    Object.assign(demo, { redisUrl: redis.url, databaseUrl: postgres.url });
    const urls = { REDIS_URL: redis.url, DATABASE_URL: postgres.url };
    const env = { ...process.env, ...urls, PORT: '0', HOST: '' };
    running = startProcess(process.execPath, [MAIN], { env });
    [, demo.url = ''] = await running.says(/runs at (http:\S+).*Ctrl-C stops everything/s);
  }, 120_000);

  afterAll(async () => {
    running?.signal('SIGINT');
    await running?.ended;
    await Promise.all(servers.map((server) => server.stop()));
  });

  return demo;
}

/** Who can sign in. */
export const ADA = { email: 'ada@example.com', password: 'analytical engine' };
export const GRACE = { email: 'grace@example.com', password: 'first compiler 1952' };
export const ADMIN = { email: 'admin@example.com', password: 'keeper of the ledger' };
