import { afterEach, describe, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { type PrivateCluster, startRedisCluster } from '../../../dev/index.js';
import { isRunning } from '../../../dev/process-table.js';
import { until } from './until.js';

let cluster: PrivateCluster;
const clients: { disconnect(): void }[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await cluster.stop();
  expect(cluster.nodes.map((node) => node.pid).filter(isRunning)).toEqual([]);
});

function clusterClient(): Cluster {
  const client = new Cluster(cluster.urls, { redisOptions: { disconnectTimeout: 0 } });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

function nodeClient(n: number): Redis {
  const client = new Redis(String(cluster.urls[n]), { disconnectTimeout: 0 });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

describe('a private Redis Cluster', () => {
  test('the cluster serves every slot, and returns a key that was set on one node', async () => {
    cluster = await startRedisCluster();
    expect(cluster.nodes).toHaveLength(3);
    for (const n of [0, 1, 2]) {
      const info = String(await nodeClient(n).call('CLUSTER', 'INFO'));
      expect(info).toContain('cluster_state:ok');
      expect(info).toContain('cluster_slots_ok:16384');
      expect(info).toContain('cluster_known_nodes:3');
    }
    await nodeClient(0).set('b', "slot 3300 is the first master's"); // 3300 < 16384 / 3
    const client = clusterClient();
    expect(await client.get('b')).toContain('first master');
    for (let n = 0; n < 50; n++) await client.set(`key${n}`, n);
    const sizes = await Promise.all([0, 1, 2].map((n) => nodeClient(n).dbsize()));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(51);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });

  test('a replica takes over from a killed master, which comes back as a replica', async () => {
    cluster = await startRedisCluster({ replicas: 1 });
    expect(cluster.nodes).toHaveLength(6);
    const replica = nodeClient(3);
    expect(await replica.info('replication')).toContain(`master_port:${cluster.nodes[0]?.port}`);
    const client = clusterClient();
    await client.set('b', 'kept');
    await until(async () => (await replica.dbsize()) === 1);
    await cluster.nodes[0]?.kill();
    await until(async () => (await replica.info('replication')).includes('role:master'));
    await until(async () => (await client.get('b').catch(() => null)) === 'kept');
    await cluster.nodes[0]?.restart();
    await until(async () => (await nodeClient(0).info('replication')).includes('role:slave'));
  });
});
