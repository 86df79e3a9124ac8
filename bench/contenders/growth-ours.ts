import { Redis } from 'ioredis';

import { closedLoop, forEachOf } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import type { FilledApplication, Operation } from '../scenarios/growth.js';
import { openApplication } from './application.js';

const CONCURRENCY = 64;
const BUCKETS = 16;
/** The number of sessions that operations use, spread over all live sessions. */
const TARGETS = 1_000;

/** Our module with any number of live sessions. */
export async function open(servers: ServerUrls): Promise<FilledApplication> {
  const redis = new Redis(servers.redisUrl);
  const { sessions } = await openApplication(servers, false, { prefix: 'nsl' });
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

  /** Deletes the events. Draining them would take a long time, and isn't measured here. */
  const dropEvents = async () => {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) await redis.del(`nsl:{${bucket}}:o`);
  };

  return {
    async fill(count: number) {
      const every = Math.floor(count / TARGETS);
      for (let from = 0; from < count; from += 100_000) {
        await forEachOf(Math.min(100_000, count - from), 128, async (i) => {
          const { id, userId } = await createOne();
          if ((from + i) % every === 0 && targets.length < TARGETS) targets.push({ id, userId });
        });
        await dropEvents();
      }
    },
    async round(operation: Operation, ms: number) {
      const figure = await closedLoop(CONCURRENCY, ms, operations[operation]);
      await dropEvents();
      return figure;
    },
  };
}
