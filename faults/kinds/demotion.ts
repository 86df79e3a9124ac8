import { setTimeout as delay } from 'node:timers/promises';

import { startRedis, type PrivateServer } from '../../dev/index.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';
import { DURABLE, until, type Servers } from '../servers.js';

/** How long DNS leads a process to the old master after a failover, at most (ms). */
const DNS_DELAY = 1_500;
/** Nothing listens there, so a replica of it keeps what it has. */
const NOWHERE = ['127.0.0.1', '1'] as const;

/**
 * An ordered failover, as for maintenance: the master waits for its replica and becomes a replica
 * itself, so nothing may be lost. But the processes are led to the new master one after the other, and
 * the old one, which gets no more changes, would still answer their reads. Later, all goes back.
 */
async function demoteMaster(context: CampaignContext): Promise<void> {
  const { servers, random, problems } = context;
  await servers.redisLock.hold(async () => {
    const [master] = servers.redisNodes;
    const spare = await startRedis({ config: DURABLE });
    try {
      await replicate(servers, spare, master!);
      await failOver(context, master!, spare);
      await replicate(servers, master!, spare);
      await delay(random.between(0, 500));
      await failOver(context, spare, master!);
    } catch (error) {
      problems.push(`the failover failed: ${String(error)}`);
    } finally {
      await spare.stop();
    }
  });
}

async function failOver(
  { servers, fleet, random }: CampaignContext,
  from: PrivateServer,
  to: PrivateServer,
): Promise<void> {
  const isReplica = () =>
    servers.on(from, async (node) => {
      await node.call('FAILOVER', 'TO', '127.0.0.1', to.port, 'TIMEOUT', 2_000).catch(() => 0);
      return (await node.role())[0] === 'slave';
    });
  await until('The failover', isReplica);
  await until('The new master', () =>
    servers.on(to, async (node) => (await node.role())[0] === 'master'),
  );
  await servers.on(from, (node) => node.replicaof(...NOWHERE));
  const redirections = fleet.processes.map(async ({ redisLinks }) => {
    await delay(random.between(0, DNS_DELAY));
    for (const link of redisLinks) link.redirectTo(to.port);
  });
  await Promise.all(redirections);
  await delay(random.between(0, 1_000));
}

/**
 * Resolves when the replica has everything, on its disk as well: after a full synchronization, its AOF
 * is not complete until it has been rewritten.
 */
async function replicate(
  servers: Servers,
  replica: PrivateServer,
  master: PrivateServer,
): Promise<void> {
  await servers.on(replica, async (node) => {
    await node.replicaof('127.0.0.1', master.port);
    await until('The replica', async () => {
      const info = (await node.info('replication')) + (await node.info('persistence'));
      return [
        'master_link_status:up',
        'aof_rewrite_in_progress:0',
        'aof_rewrite_scheduled:0',
      ].every((line) => info.includes(line));
    });
  });
}

const demotedMaster: FaultKind = {
  name: 'demoted-master',
  on: 'single',
  weight: 0.5,
  inject: demoteMaster,
};

export const demotionKinds: FaultKind[] = [demotedMaster];
