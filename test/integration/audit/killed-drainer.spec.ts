import { describe, expect, it } from '@jest/globals';

import { countRecords } from './records.js';
import { DRAIN_STEPS, drainUntil } from './drainer-process.js';
import { createAndDestroySessions } from './sessions.js';
import { useLedger } from '../../support/use-ledger.js';

const SESSIONS = 20;

describe('Killed and frozen drainers', () => {
  const fixture = useLedger();

  it.each(DRAIN_STEPS)(
    'a drainer that is killed %s loses no event and records none twice',
    async (step) => {
      const trail = await fixture.open();
      const web = await trail.start({ buckets: 1, audit: { worker: false } });
      await createAndDestroySessions(web, SESSIONS);

      const drainer = await drainUntil(step, trail, fixture);
      await drainer.kill();
      const isCommitted = DRAIN_STEPS.indexOf(step) > DRAIN_STEPS.indexOf('before the commit');
      const count = isCommitted ? SESSIONS : 0;
      expect(await countRecords(trail)).toEqual({ created: count, destroyed: count });

      const { recorded } = await web.audit.flush();
      expect(recorded).toBe(isCommitted ? 0 : 2 * SESSIONS);
      expect(await countRecords(trail)).toEqual({ created: SESSIONS, destroyed: SESSIONS });
      expect(await web.audit.health()).toMatchObject({ backlog: 0, deadLetters: 0 });
    },
  );

  it('a drainer that is killed while it dead-letters an entry dead-letters it once', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ buckets: 1, audit: { worker: false } });
    const { client } = web.buckets;
    await client.xadd(web.buckets.keysOf(0).outbox, '*', 'v1', 'gibberish');

    for (const step of ['after the dead letter', 'between commit and deletion'] as const) {
      const drainer = await drainUntil(step, trail, fixture);
      await drainer.kill();
    }
    await web.audit.flush();
    expect(await web.audit.deadLetters()).toHaveLength(1);
    expect(await web.audit.health()).toMatchObject({ backlog: 0, deadLetters: 1 });
  });

  it('a drainer that is frozen mid-transaction delays its bucket by seconds at most', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ buckets: 1, audit: { worker: false } });
    await createAndDestroySessions(web, SESSIONS);

    const drainer = await drainUntil('after it inserted the records', trail, fixture);
    await web.audit.flush(); // waits until Postgres ends the frozen drainer's transaction
    expect(await countRecords(trail)).toEqual({ created: SESSIONS, destroyed: SESSIONS });
    expect(await drainer.resume()).toMatch(/Postgres is unavailable/);
    expect(await countRecords(trail)).toEqual({ created: SESSIONS, destroyed: SESSIONS });
  });
});
