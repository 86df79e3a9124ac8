import { describe, expect, it } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { drainUntil, type DrainStep } from './drainer-process.js';
import { countRecords } from './records.js';
import { createAndDestroySessions } from './sessions.js';
import { useLedger } from '../../support/use-ledger.js';

const SESSIONS = 20;
const STEPS_IN_TRANSACTION: DrainStep[] = [
  'while it holds the lock',
  'after it inserted the records',
  'before the commit',
];

describe('Interrupted connections to Postgres', () => {
  const fixture = useLedger();

  const openWithEvents = async () => {
    const trail = await fixture.open();
    const web = await trail.start({ buckets: 1, audit: { worker: false } });
    await createAndDestroySessions(web, SESSIONS);
    return { trail, web };
  };

  it.each(STEPS_IN_TRANSACTION)(
    'a drain loses no event and records none twice if its connection ends %s',
    async (step) => {
      const { trail, web } = await openWithEvents();
      const drainer = await drainUntil(step, trail, fixture);
      await trail.rows(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND state = 'idle in transaction'`,
      );
      expect(await drainer.resume()).toMatch(/SessionError: Postgres is unavailable/);

      expect(await web.audit.flush()).toMatchObject({ recorded: 2 * SESSIONS });
      expect(await countRecords(trail)).toEqual({ created: SESSIONS, destroyed: SESSIONS });
    },
  );

  it.each(STEPS_IN_TRANSACTION)(
    'a drain loses no event and records none twice if Postgres crashes %s',
    async (step) => {
      const { trail, web } = await openWithEvents();
      const drainer = await drainUntil(step, trail, fixture);
      await fixture.postgres.kill();
      expect(await drainer.resume()).toMatch(/SessionError: Postgres is unavailable/);
      await fixture.postgres.restart();

      await eventually(() => web.audit.flush());
      expect(await countRecords(trail)).toEqual({ created: SESSIONS, destroyed: SESSIONS });
    },
  );

  it('crashes of Postgres under load lose no event and record none twice', async () => {
    const trail = await fixture.open();
    const app = await trail.start();
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([fixture.postgres.restart(), createAndDestroySessions(app, 400)]);
      await createAndDestroySessions(app, 400);
    }
    await eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created: 2_400, destroyed: 2_400 });
    }, 30_000);
    expect(await app.audit.health()).toMatchObject({ backlog: 0, deadLetters: 0 });
  });
});
