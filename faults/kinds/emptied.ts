import { setTimeout as delay } from 'node:timers/promises';

import type { PrivateServer } from '../../dev/index.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';
import type { ForgottenEvent } from '../checker/evidence.js';
import { now } from '../history.js';
import { allBuckets, metaKey, outboxKey } from '../keys.js';
import { parseOutbox, type StreamEntry } from '../outbox.js';
import type { Servers } from '../servers.js';
import { checkMending } from './rollback.js';

const ADOPTION_TIMEOUT = 45_000; // ms

/**
 * Redis is emptied by mistake. Sessions keep working, and the ledger is held until an operator adopts
 * the empty Redis; then everything is recorded.
 */
const emptied: FaultKind = {
  name: 'emptied',
  on: 'both',
  weight: 0.5,
  inject: async (context) => {
    const { servers, traffic } = context;
    await servers.historyLock.hold(() => traffic.withoutReconciling(() => emptyAndAdopt(context)));
  },
};

async function emptyAndAdopt(context: CampaignContext): Promise<void> {
  const { servers, random, damages, problems } = context;
  const hold = { beganAt: Infinity, from: Infinity, to: Infinity, adoptedAt: Infinity };
  damages.holds.push(hold);
  await servers.redisLock.hold(async () => {
    await servers.untilHealthy();
    const from = now();
    hold.beganAt = from;
    const forgotten = await empty(servers);
    hold.from = now();
    const buckets = new Set(allBuckets());
    damages.redisLosses.push({
      kind: 'emptied',
      from,
      at: hold.from,
      to: hold.from,
      buckets,
      forgotten,
    });
  });
  await delay(random.between(300, 4_000));
  hold.to = now();
  if (!(await adopt(context))) problems.push('the emptied Redis could not be adopted');
  hold.adoptedAt = now();
  await checkMending(context);
}

/** Empties all nodes. Returns the events that were in no other place than there. */
async function empty(servers: Servers): Promise<ForgottenEvent[]> {
  const masters = await servers.masters();
  // The node that names the ledger comes first: until then the other ones seem to have lost everything.
  const named = await Promise.all(masters.map((master) => hasBinding(servers, master)));
  const ordered = masters.toSorted(
    (a, b) => Number(named[masters.indexOf(b)]) - Number(named[masters.indexOf(a)]),
  );
  const forgotten: ForgottenEvent[] = [];
  for (const master of ordered) forgotten.push(...(await emptyNode(servers, master)));
  return forgotten;
}

function hasBinding(servers: Servers, master: PrivateServer): Promise<boolean> {
  return servers.on(master, (node) =>
    node.exists(metaKey).then(
      (found) => found === 1,
      () => false, // MOVED
    ),
  );
}

/** In one step. No key is declared, because they are in different slots of a Cluster. */
const READ_AND_EMPTY = `
local outboxes = {}
for i, key in ipairs(ARGV) do outboxes[i] = redis.call('XRANGE', key, '-', '+') end
redis.call('FLUSHALL')
return outboxes`;

async function emptyNode(servers: Servers, master: PrivateServer): Promise<ForgottenEvent[]> {
  const buckets = [...(await servers.bucketsOf(master))];
  const outboxes = await servers.on(master, (node) =>
    node.eval(READ_AND_EMPTY, 0, ...buckets.map(outboxKey)),
  );
  return buckets.flatMap((bucket, i) => parseOutbox(bucket, (outboxes as StreamEntry[][])[i]!));
}

/** What an operator does. Tries again while other faults keep it from working. */
async function adopt({ fleet, traffic, random }: CampaignContext): Promise<boolean> {
  const deadline = now() + ADOPTION_TIMEOUT;
  while (now() < deadline) {
    const call = await traffic.call(random.pick(fleet.processes), () => ({ op: 'adopt' }));
    if (call.answer?.ok) return true;
    await delay(200);
  }
  return false;
}

export const emptiedKinds: FaultKind[] = [emptied];
