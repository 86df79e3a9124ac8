import { setTimeout as delay } from 'node:timers/promises';

import { startRedis } from '../../dev/index.js';
import { ApplicationProcess } from '../application-process.js';
import type { Answer, Operation } from '../application/protocol.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';
import { now } from '../history.js';

/** What a sign-in may be answered with: the user has enough sessions, or the machine is too busy. */
const SIGN_IN_ERRORS = ['ERR_SESSION_LIMIT', 'ERR_SESSION_REDIS_UNAVAILABLE'];
/** Nothing of the ledger may be done for it. */
const REFUSED = ['ERR_SESSION_LEDGER_HELD', 'ERR_SESSION_DATABASE_UNAVAILABLE'];

/**
 * A worker runs on the application's database and on another Redis, which is empty: that of a test
 * system, for example. Its own sessions work, and it must change nothing in the ledger.
 */
const wrongRedis: FaultKind = {
  name: 'wrong-redis',
  on: 'both',
  inject: async (context) => {
    const { damages, random } = context;
    const other = await startRedis();
    const span = { from: now(), to: Infinity };
    damages.strangers.push(span);
    const stranger = new ApplicationProcess();
    try {
      await stranger.start(optionsOf(context, other.url));
      await useStranger(stranger, context);
      if (random.chance(0.7)) await stranger.stop();
    } finally {
      await stranger.kill();
      await other.stop();
      span.to = now();
    }
    if (stranger.crashed) context.problems.push(`with a wrong Redis, ${stranger.crashed}`);
  },
};

function optionsOf({ rules, servers }: CampaignContext, redis: string) {
  return {
    module: { ...rules, audit: { ...rules.audit, worker: true } },
    redis,
    database: servers.postgres.url,
    commitFaults: false,
    shortLocks: false,
    clockShift: 0,
  };
}

async function useStranger(
  stranger: ApplicationProcess,
  { random, problems }: CampaignContext,
): Promise<void> {
  const report = (operation: Operation, answer: Answer | null, isPromised: boolean) => {
    if (!answer || isPromised) return;
    problems.push(`with a wrong Redis, ${operation.op} returned ${JSON.stringify(answer)}`);
  };
  const end = now() + random.between(500, 3_000);
  while (now() < end) {
    // The checker finds each of these sessions if it ever reaches the ledger: no call asked for it.
    const create = { op: 'create', userId: 'stranger', marker: 'stranger', lifetime: 700 } as const;
    const created = await stranger.perform(create);
    report(create, created, created?.ok || SIGN_IN_ERRORS.includes(created?.code ?? ''));
    const op = random.pick(['flush', 'reconcile', 'acceptLosses'] as const);
    const answer = await stranger.perform({ op });
    report({ op }, answer, answer?.ok === false && REFUSED.includes(answer.code));
    await delay(random.between(20, 200));
  }
}

export const wrongRedisKinds: FaultKind[] = [wrongRedis];
