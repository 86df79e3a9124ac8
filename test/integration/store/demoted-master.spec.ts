import { describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';

import { startRedis, startRedisSentinel } from '../../../dev/index.js';
import type { Session } from '../../../src/session/session.js';
import { openApplication, type Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';
import { lossyProxy } from '../../support/lossy-proxy.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';

const open = (connection: RedisUnderTest['connection']): Application =>
  openApplication({ connection } as RedisUnderTest, { timeout: 500, prefix: 'failover' });

describe('a master that was demoted behind a proxy or DNS', () => {
  test('a demoted master is left within a second, so sessions ended on the new master are not valid', async () => {
    const oldMaster = await startRedis();
    const newMaster = await startRedis({ config: { replicaof: `127.0.0.1 ${oldMaster.port}` } });
    const proxy = await lossyProxy(oldMaster.port);
    const [oldNode, newNode] = [new Redis(oldMaster.url), new Redis(newMaster.url)];
    const app = open(proxy.url);
    const elsewhere = open({ port: newMaster.port });
    try {
      const session = await app.service.createSession({ userId: 'ada' });
      await eventually(async () => expect(await oldNode.wait(1, 1_000)).toBe(1));

      await newNode.replicaof('NO', 'ONE');
      await oldNode.replicaof('127.0.0.1', '1'); // nothing listens there, so it keeps its data
      proxy.redirectTo(newMaster.port);
      await elsewhere.service.destroySession(session.id);
      await eventually(
        async () => expect(await app.service.validateSession(session.id)).toBeNull(),
        2_000,
      );
      await expect(app.service.createSession({ userId: 'bob' })).resolves.toBeDefined();
    } finally {
      oldNode.disconnect();
      newNode.disconnect();
      await Promise.all([app.close(), elsewhere.close()]);
      await proxy.close();
      await Promise.all([oldMaster.stop(), newMaster.stop()]);
    }
  });
});

describe('a failover that Sentinel carries out', () => {
  test('after a failover by Sentinel, sign-ins work on the new master', async () => {
    const redis = await startRedisSentinel();
    const app = open({
      name: redis.name,
      sentinels: redis.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    });
    const acknowledged: Session[] = [];
    const working = new AbortController();
    const work = async () => {
      while (!working.signal.aborted) {
        const created = await app.service.createSession({ userId: 'ada' }).catch(() => null);
        if (created) acknowledged.push(created);
      }
    };
    const done = work();
    try {
      await eventually(async () => expect(acknowledged.length).toBeGreaterThan(100));
      await redis.failOver();
      const before = acknowledged.length;
      await eventually(
        async () => expect(acknowledged.length).toBeGreaterThan(before + 100),
        20_000,
      );
      working.abort();
      await done;
      const latest = acknowledged.at(-1)!;
      expect(await app.service.validateSession(latest.id)).toEqual({ id: 'ada' });
    } finally {
      working.abort();
      await done;
      await app.close();
      await redis.stop();
    }
  });
});
