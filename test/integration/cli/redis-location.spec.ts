import { NestFactory } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';

import { startRedis, startRedisCluster, startRedisSentinel } from '../../../dev/index.js';
import { SessionModule, SessionService, type SessionModuleOptions } from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';
import { runCommand, useOperator } from './use-operator.js';

const PASSWORD = 's3cret-password';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const listOf = (servers: readonly { port: number }[]) =>
  servers.map(({ port }) => `127.0.0.1:${port}`).join(',');

/** Creates sessions of three users, in different buckets. Their events wait in the outboxes. */
async function createSessions(redis: SessionModuleOptions['redis']): Promise<void> {
  const module = SessionModule.forRoot({ redis, audit: { worker: false }, redisTimeout: 5_000 });
  const nest = await NestFactory.createApplicationContext(module, { logger: false });
  cleanUps.push(() => nest.close());
  for (const userId of ['ann', 'ben', 'cleo']) {
    await nest.get(SessionService).createSession({ userId });
  }
}

async function countEvents(env: NodeJS.ProcessEnv): Promise<unknown> {
  const { code, stdout, stderr } = await runCommand(env, false, ['backlog', '--json']);
  return code === 0 ? (JSON.parse(stdout) as { events: number }).events : stderr;
}

describe('the command line behind Sentinel', () => {
  it('follows Sentinel to the master, also after a failover and if a Sentinel is down', async () => {
    const redis = await startRedisSentinel();
    cleanUps.push(() => redis.stop());
    const sentinels = redis.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    await createSessions({ name: redis.name, sentinels });
    const env = { REDIS_SENTINELS: listOf(redis.sentinels), REDIS_MASTER: redis.name };
    expect(await countEvents(env)).toBe(3);

    await redis.failOver();
    await redis.sentinels[0]!.kill();
    // The others may take a moment to hear of it; until then the old master answers.
    await eventually(async () => {
      expect(await countEvents(env)).toBe(3);
      const { stderr } = await runCommand(
        { REDIS_URL: redis.servers[0]!.url, SESSION_BUCKETS: '16' },
        false,
        ['backlog'],
      );
      expect(stderr).toContain('is a replica of 127.0.0.1');
    }, 20_000);
  }, 60_000);

  it('names the Sentinels if they are down, and REDIS_MASTER if they do not know it', async () => {
    const redis = await startRedisSentinel();
    cleanUps.push(() => redis.stop());
    const REDIS_SENTINELS = listOf(redis.sentinels);
    const unknown = await runCommand({ REDIS_SENTINELS, REDIS_MASTER: 'other' }, false, [
      'backlog',
    ]);
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('REDIS_MASTER is "other"'),
    });

    const down = { REDIS_SENTINELS: '127.0.0.1:1,127.0.0.1:2', REDIS_MASTER: redis.name };
    const unavailable = await runCommand(down, false, ['backlog']);
    expect(unavailable.code).toBe(3);
    expect(unavailable.stderr).toContain('Redis (REDIS_SENTINELS 127.0.0.1:1,127.0.0.1:2');
    expect(unavailable.stderr).toContain('failed to connect to sentinel 127.0.0.1:1');
  });

  it('signs in to the master and shows no password', async () => {
    const redis = await startRedisSentinel();
    cleanUps.push(() => redis.stop());
    const admin = new Redis(redis.servers[0]!.url, { disconnectTimeout: 0 });
    cleanUps.push(() => admin.disconnect());
    await admin.acl('SETUSER', 'ann', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
    await admin.acl('SETUSER', 'default', 'on', 'nopass', '+ping', '+info', '-@write', '-@read');
    const env = {
      REDIS_SENTINELS: listOf(redis.sentinels),
      REDIS_MASTER: redis.name,
      SESSION_BUCKETS: '2',
    };
    const access = { REDIS_USERNAME: 'ann', REDIS_PASSWORD: PASSWORD };
    expect(await countEvents({ ...env, ...access })).toBe(0);

    const wrong = { ...access, REDIS_PASSWORD: `${PASSWORD}!` };
    const { code, stderr } = await runCommand({ ...env, ...wrong }, false, ['backlog']);
    expect(code).toBe(2);
    expect(stderr).toContain('WRONGPASS');
    expect(stderr).not.toContain(PASSWORD);
  });
});

describe('the command line on a Cluster', () => {
  it('finds all masters through those nodes of REDIS_CLUSTER that are up', async () => {
    const cluster = await startRedisCluster();
    cleanUps.push(() => cluster.stop());
    await createSessions({ nodes: cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })) });
    expect(await countEvents({ REDIS_CLUSTER: listOf(cluster.nodes) })).toBe(3);
    expect(
      await countEvents({ REDIS_CLUSTER: `127.0.0.1:1,${listOf(cluster.nodes.slice(2))}` }),
    ).toBe(3);
    const { code, stderr } = await runCommand({ REDIS_CLUSTER: '127.0.0.1:1' }, false, ['backlog']);
    expect(code).toBe(3);
    expect(stderr).toContain('Redis (REDIS_CLUSTER 127.0.0.1:1)');
  });

  it('rejects a server that is not part of a Cluster', async () => {
    const server = await startRedis();
    cleanUps.push(() => server.stop());
    const { code, stderr } = await runCommand({ REDIS_CLUSTER: listOf([server]) }, false, [
      'backlog',
    ]);
    expect(stderr).toContain('cluster support disabled');
    expect(code).not.toBe(0);
  });
});

describe('the variables that say where Redis is', () => {
  const operator = useOperator();

  it.each([
    [{ REDIS_SENTINELS: 'a:1' }, 'REDIS_MASTER is not'],
    [
      { REDIS_SENTINELS: 'a:1', REDIS_CLUSTER: 'b:2' },
      'REDIS_SENTINELS and REDIS_CLUSTER are both',
    ],
    [{ REDIS_URL: 'redis://a', REDIS_CLUSTER: 'b:2' }, 'REDIS_URL and REDIS_CLUSTER are both set'],
    [{ REDIS_CLUSTER: 'a:1,' }, 'REDIS_CLUSTER is not a list of addresses'],
    [{ REDIS_CLUSTER: 'redis://a:1' }, 'REDIS_CLUSTER is not a list of addresses'],
    [{ REDIS_CLUSTER: 'a:99999' }, 'REDIS_CLUSTER is not a list of addresses'],
    [{ REDIS_CLUSTER: `:${PASSWORD}@a:1` }, 'go to REDIS_USERNAME and REDIS_PASSWORD'],
    [{ REDIS_CLUSTER: 'a:1', REDIS_TLS: 'yes' }, 'REDIS_TLS is "yes"; use true or false'],
    [{}, 'REDIS_URL is not set'],
  ] as [NodeJS.ProcessEnv, string][])(
    'exits with 2 and says what to fix: %j',
    async (env, message) => {
      const { code, stderr } = await operator.ledgerWith({ REDIS_URL: undefined, ...env }, 'flush');

      expect(stderr).toContain(message);
      expect(stderr).not.toContain(PASSWORD);
      expect(code).toBe(2);
    },
  );
});
