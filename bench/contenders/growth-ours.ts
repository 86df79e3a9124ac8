import { Redis } from 'ioredis';

import { closedLoop, forEachOf } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample.js';
import type { Grown, Operation } from '../scenarios/growth.js';
import { openApplication } from './application.js';

const AT_ONCE = 64;
const BUCKETS = 16;
/** Sessions that operations are done to, spread over all that live. */
const TARGETS = 1_000;

export async function open(place: Place): Promise<Grown> {
  const redis = new Redis(place.redisUrl);
  const { sessions } = await openApplication(place, false, { prefix: 'sess' });
  const targets: { id: string; userId: string }[] = [];
  let users = 0;

  const createOne = () => {
    users += 1;
    return sessions.createSession({ userId: userIdOf(users), client: clientOf(users) });
  };
  const target = (turn: number) => targets[turn % TARGETS]!;
  const operations: Record<Operation, (turn: number) => Promise<unknown>> = {
    validate: (turn) => sessions.validateSession(target(turn).id),
    'create and destroy': async () => sessions.destroySession((await createOne()).id),
    rotate: async (turn) => {
      const at = target(turn);
      const rotated = await sessions.rotateSession(at.id);
      at.id = rotated.id;
    },
    'update data': (turn) => sessions.updateSessionData(target(turn).id, { turn }),
    'list of a user': (turn) => sessions.listUserSessions(target(turn).userId),
  };

  /** Throws the events away: the drain is not what is measured, and would take its time. */
  const forgetEvents = async () => {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) await redis.del(`sess:{${bucket}}:o`);
  };

  return {
    async fill(count: number) {
      const every = Math.floor(count / TARGETS);
      for (let from = 0; from < count; from += 100_000) {
        await forEachOf(Math.min(100_000, count - from), 128, async (i) => {
          const { id, userId } = await createOne();
          if ((from + i) % every === 0 && targets.length < TARGETS) targets.push({ id, userId });
        });
        await forgetEvents();
      }
    },
    async round(operation: Operation, ms: number) {
      const figure = await closedLoop(AT_ONCE, ms, operations[operation]);
      await forgetEvents();
      return figure;
    },
  };
}
