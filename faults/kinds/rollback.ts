import { setTimeout as delay } from 'node:timers/promises';

import type { Redis } from 'ioredis';

import type { CampaignContext, FaultKind } from '../campaign-context.js';
import type { ForgottenEvent } from '../checker/evidence.js';
import type { RedisLoss } from '../checker/guarantees.js';
import { DataCopy } from '../data-copy.js';
import { now } from '../history.js';
import { numberKey } from '../keys.js';
import { untilMended } from '../mending.js';
import { readOutbox } from '../outbox.js';

/** More than the harness needs between the last write and the kill (ms). */
const PAUSE = 5_000;
/** How long the workers may take if other faults disturb them, too (ms). */
const MENDING_TIMEOUT = 45_000;
/**
 * How long they may take if nothing else does (ms), until all is made good or an operator has to accept
 * the losses. The numbers are compared every second; the rest is for a busy machine.
 */
const UNDISTURBED_TIMEOUT = 15_000;

/**
 * Redis is killed, and restarted from its files of a moment ago, as after a restored backup. The
 * application keeps running.
 */
const rollback: FaultKind = {
  name: 'rollback',
  on: 'both',
  inject: async (context) => {
    const { servers, traffic } = context;
    await servers.historyLock.hold(() =>
      traffic.withoutReconciling(async () => {
        const loss = await servers.redisLock.hold(() => goBack(context));
        loss.mendedAt = await checkMending(context);
      }),
    );
  },
};

async function goBack(context: CampaignContext): Promise<RedisLoss> {
  const { servers, traffic, random, damages, problems } = context;
  await servers.untilHealthy();
  const master = random.pick(await servers.masters());
  const buckets = await servers.bucketsOf(master);
  const kept = await servers.on(master, (node) => readGiven(node, buckets));
  const from = now();
  const earlier = await DataCopy.ofRedis(master);
  await delay(random.between(100, 3_000));
  const outboxes = await servers.on(master, (node) => stopWrites(node, buckets));
  const at = now();
  await servers.withoutFailover(master, async () => {
    await master.kill();
    await earlier.restore();
    if (!servers.isCluster) await delay(random.between(0, 800));
    await master.restart().catch((error: unknown) => problems.push(String(error)));
  });
  // What it had before the copy began, it has again.
  const forgotten = outboxes.filter(({ chain, number }) => number! > kept.get(chain)!);
  const loss: RedisLoss = { kind: 'rollback', from, at, to: now(), buckets, forgotten };
  damages.redisLosses.push(loss);
  await traffic.rotateEnded(); // some of them live again
  return loss;
}

/** The last number of each bucket. */
async function readGiven(node: Redis, buckets: Set<number>): Promise<Map<number, number>> {
  const given = new Map<number, number>();
  for (const bucket of buckets) given.set(bucket, Number((await node.get(numberKey(bucket))) ?? 0));
  return given;
}

/**
 * Holds back all writes, so that no call is answered any more whose event is missing in what this
 * returns: the events that are in no other place than this Redis.
 */
async function stopWrites(node: Redis, buckets: Set<number>): Promise<ForgottenEvent[]> {
  await node.client('PAUSE', PAUSE, 'WRITE');
  const outboxes = await Promise.all([...buckets].map((bucket) => readOutbox(node, bucket)));
  return outboxes.flat();
}

/**
 * The workers must find the loss and make it good, without anybody asking them to. Resolves to the
 * moment when they had; undefined if it took too long.
 */
export async function checkMending(context: CampaignContext): Promise<number | undefined> {
  const { servers, activeKinds, problems, undoAfterCheck } = context;
  const since = now();
  let until: number | undefined;
  let isMended = false;
  const redis = servers.openRedis();
  const kinds = new Set(activeKinds);
  const watch = setInterval(() => activeKinds.forEach((kind) => kinds.add(kind)), 20);
  try {
    isMended = await untilMended(context, redis, MENDING_TIMEOUT, () => (until ??= now()));
  } finally {
    clearInterval(watch);
    redis.disconnect();
  }
  const mendedAt = now();
  const took = Math.round((until ?? mendedAt) - since);
  // A link that hangs until the end of the round is a fault, too.
  const isUndisturbed = kinds.size === 1 && undoAfterCheck.length === 0;
  if (isUndisturbed && took > UNDISTURBED_TIMEOUT) {
    problems.push(
      `it took ${took} ms to make good a ${[...kinds].join()}, without any other fault`,
    );
  }
  return isMended ? mendedAt : undefined;
}

export const rollbackKinds: FaultKind[] = [rollback];
