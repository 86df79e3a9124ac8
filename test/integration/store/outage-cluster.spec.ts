import { afterAll, describe, expect, test } from '@jest/globals';
import { Cluster } from 'ioredis';

import type { PrivateServer } from '../../../dev/index.js';
import { bucketOf } from '../../../src/store/session-id.js';
import type { RedisClusterConnection } from '../../../src/store/connect.js';
import type { Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';
import { redisCluster, serverOfKey } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';
import { TIMEOUT, expectFullService, expectUnavailable } from './outage.js';

/** The other masters keep working while one is down. */
const CONFIG = {
  appendonly: 'yes',
  appendfsync: 'always',
  'cluster-require-full-coverage': 'no',
};

const clients: [
  string,
  (connection: RedisClusterConnection) => RedisClusterConnection | Cluster,
][] = [
  ['its own client', (connection) => connection],
  ["a live client with ioredis's defaults", ({ nodes }) => new Cluster(nodes)],
];

describe.each(clients)('an outage of a Redis Cluster, with %s', (_, connect) => {
  const live: Cluster[] = [];
  afterAll(() => live.forEach((client) => client.disconnect()));
  const fixture = useRedis(() => redisCluster(CONFIG));

  const open = async () => {
    const connection = connect(fixture.redis.connection as RedisClusterConnection);
    if (connection instanceof Cluster) {
      live.push(connection);
      connection.on('error', () => undefined);
      await eventually(async () => expect(connection.status).toBe('ready'));
    }
    return fixture.open({ connection, timeout: TIMEOUT });
  };

  /**
   * Signs in two users of one master and a third of another. Failed calls on the first session may
   * still be carried out once the master is back.
   */
  const signInOn = async (app: Application) => {
    const touched = await app.service.createSession({ userId: 'ada' });
    const server = await serverOf(app, 'ada');
    const userOn = async (isThere: (of: PrivateServer) => boolean) => {
      for (let n = 0; ; n++) if (isThere(await serverOf(app, `user ${n}`))) return `user ${n}`;
    };
    const kept = await userOn((of) => of === server);
    const elsewhere = await userOn((of) => of !== server);
    return {
      server,
      touched,
      kept: await app.service.createSession({ userId: kept }),
      elsewhere: await app.service.createSession({ userId: elsewhere }),
    };
  };

  const serverOf = async ({ buckets }: Application, userId: string): Promise<PrivateServer> => {
    const { outbox } = buckets.keysOf(bucketOf(userId, buckets.count));
    return fixture.redis.servers[await serverOfKey(fixture.redis, outbox)]!;
  };

  test('a killed master affects only its own users, until its restart', async () => {
    const app = await open();
    const { server, touched, kept, elsewhere } = await signInOn(app);
    await server.kill();
    await expectUnavailable(app, touched);
    await expectFullService(app, elsewhere);
    await expectUnavailable(app, touched);
    await server.restart();
    await expectFullService(app, kept);
    await expectFullService(app, elsewhere);
  });

  test('a master that does not answer affects only its own users, until it does', async () => {
    const app = await open();
    const { server, touched, kept, elsewhere } = await signInOn(app);
    server.pause();
    try {
      await expectUnavailable(app, touched);
      await expectFullService(app, elsewhere);
      await expectUnavailable(app, touched);
    } finally {
      server.resume();
    }
    await expectFullService(app, kept);
    await expectFullService(app, elsewhere);
  });

  test('calls fail as unavailable while the whole Cluster is down, and work again after its restart', async () => {
    const app = await open();
    const { touched, kept, elsewhere } = await signInOn(app);
    await Promise.all(fixture.redis.servers.map((server) => server.kill()));
    await expectUnavailable(app, touched);
    await Promise.all(fixture.redis.servers.map((server) => server.restart()));
    await expectFullService(app, kept);
    await expectFullService(app, elsewhere);
  });
});
