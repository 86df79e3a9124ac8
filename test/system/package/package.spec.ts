import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import {
  startPostgres,
  startRedis,
  type PrivatePostgres,
  type PrivateServer,
} from '../../../dev/index.js';
import { packAndInstall, type Packed } from './packed.js';

const run = promisify(execFile);
const tool = (name: string) =>
  join(import.meta.dirname, '..', '..', '..', 'node_modules', '.bin', name);

describe('the published package', () => {
  let packed: Packed;
  let redis: PrivateServer;
  let postgres: PrivatePostgres;

  beforeAll(async () => {
    [packed, redis, postgres] = await Promise.all([
      packAndInstall(),
      startRedis(),
      startPostgres(),
    ]);
  }, 240_000);
  afterAll(async () => {
    packed.remove();
    await Promise.all([redis.stop(), postgres.stop()]);
  });

  test.each(['module', 'commonjs'] as const)(
    'compiles and runs in a strict application of type %s',
    async (type) => {
      const REDIS_URL = `${redis.url}/${type === 'module' ? 0 : 1}`;
      const DATABASE_URL = await postgres.createDatabase(type);
      const output = await packed.runApplication(type, { REDIS_URL, DATABASE_URL });
      expect(output).toContain('the application ran');
    },
    120_000,
  );

  test('works without its optional peers', () => {
    for (const name of ['prom-client', '@opentelemetry/api', '@nestjs/websockets']) {
      expect(existsSync(join(packed.folder, 'node_modules', name))).toBe(false);
    }
  });

  /** Both tools exit with an error if they find a problem. */
  const check = (name: string, ...args: string[]) =>
    run(tool(name), args).catch(({ stdout }: { stdout: string }) => {
      throw new Error(stdout);
    });

  test('passes publint', async () => {
    await expect(check('publint', 'run', packed.tarball, '--strict')).resolves.toBeDefined();
  });

  test('has types for every way to import it, by attw', async () => {
    await expect(check('attw', packed.tarball)).resolves.toBeDefined();
  });
});
