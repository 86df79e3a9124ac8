import { setTimeout as delay } from 'node:timers/promises';

import { ledgerDataSourceOptions } from 'nest-session-ledger';
import { Cluster, Redis } from 'ioredis';
import { Client } from 'pg';
import { DataSource } from 'typeorm';

import { startPostgres, startRedis, startRedisCluster, type PrivateServer } from '../dev/index.js';
import type { StartOptions } from './application/protocol.js';
import { allBuckets, outboxKey } from './keys.js';
import type { Link } from './link.js';

export const DURABLE = { appendonly: 'yes', appendfsync: 'always' };

/** The servers of a campaign. A fault that stops a server holds its lock until the server is back. */
export class Servers {
  readonly redisLock = new Lock();
  readonly postgresLock = new Lock();
  /**
   * Held by a fault that takes a server back to an earlier state, until that is made good. Two of them at
   * the same time would leave neither server with what the other has forgotten.
   */
  readonly historyLock = new Lock();

  private constructor(
    /** The single Redis, or a Cluster's masters followed by their replicas. */
    readonly redisNodes: PrivateServer[],
    readonly postgres: PrivateServer,
    readonly isCluster: boolean,
    private readonly stopRedis: () => Promise<void>,
  ) {}

  static async start(isCluster: boolean): Promise<Servers> {
    const postgres = await startPostgres({ config: { max_connections: '200' } });
    try {
      await migrate(postgres.url);
      if (!isCluster) {
        const redis = await startRedis({ config: DURABLE });
        return new Servers([redis], postgres, false, () => redis.stop());
      }
      const cluster = await startRedisCluster({ masters: 3, replicas: 1, config: DURABLE });
      return new Servers(cluster.nodes, postgres, true, () => cluster.stop());
    } catch (error) {
      await postgres.stop();
      throw error;
    }
  }

  get redisPorts(): number[] {
    return this.redisNodes.map((node) => node.port);
  }

  /** How a process reaches Redis over its links. For a Cluster, each node's address is mapped to a link. */
  redisThrough(links: Link[]): StartOptions['redis'] {
    if (!this.isCluster) return `redis://127.0.0.1:${links[0]!.port}`;
    const natMap = Object.fromEntries(
      this.redisNodes.map((node, i) => [
        `127.0.0.1:${node.port}`,
        { host: '127.0.0.1', port: links[i]!.port },
      ]),
    );
    return { nodes: links.map((link) => `127.0.0.1:${link.port}`), natMap };
  }

  databaseThrough(link: Link): string {
    return this.postgres.url.replace(`:${this.postgres.port}/`, `:${link.port}/`);
  }

  /** Connects the harness itself to Redis, without a link. */
  openRedis(): Redis | Cluster {
    const client = this.isCluster
      ? new Cluster(this.redisNodes.map(({ port }) => ({ host: '127.0.0.1', port })))
      : new Redis(this.redisNodes[0]!.url);
    client.on('error', () => undefined);
    client.on('+node', handleAsking);
    return client;
  }

  /** The nodes that are currently masters. */
  async masters(): Promise<PrivateServer[]> {
    if (!this.isCluster) return this.redisNodes;
    const ports = (await this.topology()).filter(({ flags }) => flags.includes('master'));
    return this.redisNodes.filter((node) => ports.some(({ port }) => port === node.port));
  }

  /** The replica of a Cluster's master. */
  async replicaOf(master: PrivateServer): Promise<PrivateServer> {
    const nodes = await this.topology();
    const { id } = nodes.find(({ port }) => port === master.port)!;
    const replica = nodes.find((node) => node.master === id)!;
    return this.redisNodes.find(({ port }) => port === replica.port)!;
  }

  /** The buckets whose keys the master holds. */
  async bucketsOf(master: PrivateServer): Promise<Set<number>> {
    if (!this.isCluster) return new Set(allBuckets());
    const own = (await this.topology()).find(({ port }) => port === master.port);
    const slots = await this.on(master, (node) =>
      Promise.all(allBuckets().map((bucket) => node.cluster('KEYSLOT', outboxKey(bucket)))),
    );
    const isOwn = (slot: number) =>
      own?.slots.some(([first, last]) => slot >= first && slot <= last);
    return new Set(allBuckets().filter((bucket) => isOwn(Number(slots[bucket]))));
  }

  async onMasters(work: (node: Redis) => Promise<unknown>): Promise<void> {
    for (const master of await this.masters()) await this.on(master, work);
  }

  async on<T>(server: PrivateServer, work: (node: Redis) => Promise<T>): Promise<T> {
    const node = new Redis(server.url, { maxRetriesPerRequest: 3, disconnectTimeout: 0 });
    node.on('error', () => undefined);
    try {
      return await work(node);
    } finally {
      node.disconnect();
    }
  }

  /** Resolves once another node has taken over the dead master's slots. */
  async untilPromoted(dead: PrivateServer): Promise<void> {
    await until('The Redis Cluster', async () => {
      const masters = (await this.topology()).filter(
        ({ flags, slots }) => flags.includes('master') && slots.length > 0,
      );
      return masters.length === 3 && masters.every(({ port }) => port !== dead.port);
    });
  }

  /** Resolves once every slot is served and every master has a replica in sync. */
  async untilHealthy(): Promise<void> {
    if (!this.isCluster) return;
    await until('The Redis Cluster', async () => {
      const states = await Promise.all(
        this.redisNodes.map((node) =>
          this.on(node, async (redis) => [
            String(await redis.cluster('INFO')),
            await redis.info('replication'),
          ]),
        ),
      );
      return states.every(
        ([cluster, replication]) =>
          cluster!.includes('cluster_state:ok') &&
          (replication!.includes('connected_slaves:1') ||
            replication!.includes('master_link_status:up')),
      );
    });
  }

  /** Does work that stops this node. Meanwhile its replica, if it has one, doesn't take over. */
  async withoutFailover(node: PrivateServer, work: () => Promise<unknown>): Promise<void> {
    if (!this.isCluster) {
      await work();
      return;
    }
    const replica = await this.replicaOf(node);
    const allowFailover = (allowed: boolean) =>
      this.on(replica, (redis) =>
        redis.config('SET', 'cluster-replica-no-failover', allowed ? 'no' : 'yes'),
      );
    await allowFailover(false);
    await work();
    await this.untilHealthy();
    await allowFailover(true);
  }

  /** The versions of the servers and of Node, for the report. */
  async versions(): Promise<string> {
    const info = await this.on(this.redisNodes[0]!, (node) => node.info('server'));
    const redis = /redis_version:(\S+)/.exec(info)?.[1];
    const client = new Client({ connectionString: this.postgres.url });
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    await client.end();
    return `Redis ${redis}, PostgreSQL ${rows[0]!.server_version}, Node ${process.version}`;
  }

  /** What each node says of itself. What it says of others may be older than their last failover or move. */
  private async topology(): Promise<ClusterNode[]> {
    const views = await Promise.all(
      this.redisNodes.map((node) =>
        this.on(node, async (redis) => String(await redis.cluster('NODES'))).catch(() => ''),
      ),
    );
    return views.flatMap((view) =>
      parseNodes(view).filter(({ flags }) => flags.includes('myself')),
    );
  }

  async stop(): Promise<void> {
    await Promise.all([this.stopRedis(), this.postgres.stop()]);
  }
}

/** ioredis leaves the promise of ASKING alone: if the connection closes, it would end this process. */
function handleAsking(node: Redis): void {
  const asking = node.asking.bind(node) as () => Promise<'OK'>;
  node.asking = () => {
    const reply = asking();
    reply.catch(() => undefined);
    return reply;
  };
}

interface ClusterNode {
  id: string;
  port: number;
  flags: string;
  /** The ID of its master; '-' if it is one. */
  master: string;
  slots: [first: number, last: number][];
}

/** Parses lines of `id address flags master ping pong epoch link slot…`. */
function parseNodes(text: string): ClusterNode[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([id = '', address = '', flags = '', master = '', , , , , ...slots]) => ({
      id,
      master,
      port: Number(/:(\d+)@/.exec(address)?.[1]),
      flags,
      slots: slots.map((range) => {
        const [first, last = first] = range.split('-');
        return [Number(first), Number(last)];
      }),
    }));
}

/** A mutex. Waiters get it in the order in which they asked. */
class Lock {
  private last: Promise<unknown> = Promise.resolve();

  hold<T>(work: () => Promise<T>): Promise<T> {
    const held = this.last.then(work);
    this.last = held.catch(() => undefined);
    return held;
  }
}

/** @throws if the condition doesn't hold within a minute; a failing check counts as false */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what} was not ready within 60 s.`);
    await delay(50);
  }
}

async function migrate(url: string): Promise<void> {
  const dataSource = new DataSource(ledgerDataSourceOptions(url));
  await dataSource.initialize();
  await dataSource.runMigrations();
  await dataSource.destroy();
}
