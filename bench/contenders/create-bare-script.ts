import { createHash, randomBytes } from 'node:crypto';

import { Redis } from 'ioredis';

import { closedLoop } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import type { Candidate } from '../harness/interleaved.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { CONCURRENCY } from '../scenarios/create.js';

const TWELVE_HOURS = 12 * 60 * 60 * 1_000;
const BUCKETS = 16;

const SCRIPT = `
-- Writes the same keys as a new session of ours and does nothing else: no checks, no clock.
--
-- KEYS  1 session  2 per-user set  3 expiry index  4 outbox
-- ARGV  1 record  2 absolute expiry (ms)  3 digest  4 member of the expiry index  5 event
redis.call('XADD', KEYS[4], '*', 'v1', ARGV[5])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[2], ARGV[2])
return 'OK'`;

/** A script that writes the same keys and values as ours. With auto-pipelining, it is half as fast. */
export async function open(servers: ServerUrls): Promise<Candidate> {
  const redis = new Redis(servers.redisUrl);
  const sha1 = createHash('sha1').update(SCRIPT).digest('hex');
  await redis.script('LOAD', SCRIPT);

  const createSession = (user: number) => {
    const bucket = user % BUCKETS;
    const base = `bare:{${bucket}}:`;
    const digest = randomBytes(32).toString('base64url');
    const userId = userIdOf(user);
    const { ip, userAgent } = clientOf(user);
    const now = Date.now();
    const expiresAt = now + TWELVE_HOURS;
    return redis.evalsha(
      sha1,
      4,
      `${base}s:${digest}`,
      `${base}u:${userId}`,
      `${base}x`,
      `${base}o`,
      `${userId}\x1f${now}\x1f\x1f${expiresAt}\x1f\x1f\x1f${ip}\x1f${userAgent}`,
      expiresAt,
      digest,
      `${digest}:${now}:${userId}`,
      `created\x1f${digest}\x1f${now}\x1f${userId}\x1f${now}\x1f${expiresAt}\x1f\x1f\x1f${ip}\x1f${userAgent}`,
    );
  };

  let user = 0;
  return {
    round: (ms: number) => closedLoop(CONCURRENCY, ms, () => createSession((user += 1))),
    cleanUp: async () => {
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) await redis.del(`bare:{${bucket}}:o`);
    },
  };
}
