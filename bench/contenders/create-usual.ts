import { randomBytes } from 'node:crypto';

import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

import { closedLoop } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import type { Racer } from '../harness/in-turn.js';
import { clientOf, userIdOf } from '../harness/sample.js';
import { AT_ONCE } from '../scenarios/create.js';

const TWELVE_HOURS = 12 * 60 * 60;

/**
 * What people write: the session, a set of the user's sessions, and a job for the audit trail.
 * At its best: all three at once, and the job without leftovers. Auto-pipelined it is slower.
 */
export async function open(place: Place): Promise<Racer> {
  const redis = new Redis(place.redisUrl);
  const connection = new Redis(place.redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue('audit', {
    connection,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  await queue.waitUntilReady();

  const createSession = async (user: number) => {
    const id = randomBytes(32).toString('base64url');
    const userId = userIdOf(user);
    const client = clientOf(user);
    const session = { userId, client, createdAt: Date.now() };
    const event = { event: 'created', sessionId: id, userId, client, at: session.createdAt };
    await Promise.all([
      redis.set(`usual:s:${id}`, JSON.stringify(session), 'EX', TWELVE_HOURS),
      redis.sadd(`usual:u:${userId}`, id),
      queue.add('session-created', event),
    ]);
  };

  let user = 0;
  return {
    round: (ms: number) => closedLoop(AT_ONCE, ms, () => createSession((user += 1))),
    tidy: () => queue.drain(),
  };
}
