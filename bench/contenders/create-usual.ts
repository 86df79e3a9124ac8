import { randomBytes } from 'node:crypto';

import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

import { closedLoop } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import type { Candidate } from '../harness/interleaved.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { CONCURRENCY } from '../scenarios/create.js';

const TWELVE_HOURS = 12 * 60 * 60;

/**
 * What people usually write: the session, a set of the user's sessions, and a job for the audit trail.
 * Tuned: all three concurrently, finished jobs removed, no auto-pipelining (which makes it slower).
 */
export async function open(servers: ServerUrls): Promise<Candidate> {
  const redis = new Redis(servers.redisUrl);
  const connection = new Redis(servers.redisUrl, { maxRetriesPerRequest: null });
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
    round: (ms: number) => closedLoop(CONCURRENCY, ms, () => createSession((user += 1))),
    cleanUp: () => queue.drain(),
  };
}
