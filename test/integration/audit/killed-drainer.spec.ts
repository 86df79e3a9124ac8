import { describe, expect, it } from '@jest/globals';

import { countRecords } from './records.js';
import { DRAIN_STEPS, stoppedDrainer, type DrainStep } from './drainer-process.js';
import { beginAndEnd } from './sessions.js';
import type { Trail } from './trail.js';
import { useLedger } from './use-ledger.js';

const SESSIONS = 20;

describe('a drainer that is killed', () => {
  const ground = useLedger();

  const drainUntil = (trail: Trail, stopAt: DrainStep) =>
    stoppedDrainer({
      redisUrl: ground.redis.servers[0]!.url,
      databaseUrl: trail.databaseUrl,
      prefix: trail.prefix,
      bucket: 0,
      stopAt,
    });

  it.each(DRAIN_STEPS)('%s loses nothing and doubles nothing', async (step) => {
    const trail = await ground.open();
    const web = await trail.start({ buckets: 1, audit: { worker: false } });
    await beginAndEnd(web, SESSIONS);

    const drainer = await drainUntil(trail, step);
    await drainer.kill();
    const isCommitted = DRAIN_STEPS.indexOf(step) > DRAIN_STEPS.indexOf('before the commit');
    const counted = isCommitted ? SESSIONS : 0;
    expect(await countRecords(trail)).toEqual({ created: counted, destroyed: counted });

    const { recorded } = await web.audit.flush();
    expect(recorded).toBe(isCommitted ? 0 : 2 * SESSIONS);
    expect(await countRecords(trail)).toEqual({ created: SESSIONS, destroyed: SESSIONS });
    expect(await web.audit.health()).toMatchObject({ backlog: 0, deadLetters: 0 });
  });

  it('as it buries a record, buries it once', async () => {
    const trail = await ground.open();
    const web = await trail.start({ buckets: 1, audit: { worker: false } });
    const { client } = web.store.buckets.redis;
    await client.xadd(web.store.buckets.keysOf(0).outbox, '*', 'v1', 'gibberish');

    for (const step of ['after the dead letter', 'between commit and deletion'] as const) {
      const drainer = await drainUntil(trail, step);
      await drainer.kill();
    }
    await web.audit.flush();
    expect(await web.audit.deadLetters()).toHaveLength(1);
    expect(await web.audit.health()).toMatchObject({ backlog: 0, deadLetters: 1 });
  });

  it('or frozen in mid-transaction, holds its bucket up for seconds at most', async () => {
    const trail = await ground.open();
    const web = await trail.start({ buckets: 1, audit: { worker: false } });
    await beginAndEnd(web, SESSIONS);

    const drainer = await drainUntil(trail, 'after the records');
    await web.audit.flush(); // waits for the lock until Postgres takes it from the frozen one
    expect(await countRecords(trail)).toEqual({ created: SESSIONS, destroyed: SESSIONS });
    expect(await drainer.goOn()).toMatch(/ERR_SESSION|can't be used/);
    expect(await countRecords(trail)).toEqual({ created: SESSIONS, destroyed: SESSIONS });
  });
});
