import { afterAll, describe, expect, test } from '@jest/globals';
import { Cluster } from 'ioredis';

import type { PrivateServer } from '../../../dev/index.js';
import { bucketOf } from '../../../src/store/session-id.js';
import type { RedisClusterConnection } from '../../../src/store/connect.js';
import type { Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';
import { redisCluster } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';
import { BOUND, expectFullService, expectUnavailable } from './outage.js';

/** The other masters go on without the one that is away. */
const CONFIG = {
  appendonly: 'yes',
  appendfsync: 'always',
  'cluster-require-full-coverage': 'no',
};

const clients: [
  string,
  (connection: RedisClusterConnection) => RedisClusterConnection | Cluster,
][] = [
  ['a client that the module opened', (connection) => connection],
  ["a live client with ioredis's defaults", ({ nodes }) => new Cluster(nodes)],
];

describe.each(clients)('over %s, of a Cluster', (_, connect) => {
  const given: Cluster[] = [];
  afterAll(() => given.forEach((client) => client.disconnect()));
  const fixture = useRedis(() => redisCluster(CONFIG));

  const open = async () => {
    const connection = connect(fixture.redis.connection as RedisClusterConnection);
    if (connection instanceof Cluster) {
      given.push(connection);
      connection.on('error', () => undefined);
      await eventually(async () => expect(connection.status).toBe('ready'));
    }
    return fixture.open({ connection, timeout: BOUND });
  };

  /** Two users on one master, one whose session is to be touched and one to keep, and a third on another. */
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

  const serverOf = async ({ store }: Application, userId: string): Promise<PrivateServer> => {
    const { outbox } = store.buckets.keysOf(bucketOf(userId, store.buckets.count));
    const serving = await Promise.all(
      fixture.redis.nodes.map((node) =>
        node.exists(outbox).then(
          () => true,
          () => false,
        ),
      ),
    );
    return fixture.redis.servers[serving.indexOf(true)]!;
  };

  test('a master that was killed is missed by its own users, and used again once it is back', async () => {
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

  test('a master that gives no answer is missed by its own users, and used again once it does', async () => {
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

  test('a Cluster that is wholly away is an error of its own, and is used again once it is back', async () => {
    const app = await open();
    const { touched, kept, elsewhere } = await signInOn(app);
    await Promise.all(fixture.redis.servers.map((server) => server.kill()));
    await expectUnavailable(app, touched);
    await Promise.all(fixture.redis.servers.map((server) => server.restart()));
    await expectFullService(app, kept);
    await expectFullService(app, elsewhere);
  });
});
