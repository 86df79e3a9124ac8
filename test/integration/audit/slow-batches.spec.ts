import { describe, expect, it } from '@jest/globals';

import { useLedger } from '../../support/use-ledger.js';
import { createSessions } from './sessions.js';

const SLOW = `
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON session_events FOR EACH ROW EXECUTE FUNCTION slow()`;

describe('Batches that take Postgres too long', () => {
  const fixture = useLedger();

  it.each([
    ['the client', { query_timeout: 2_000 }],
    ['the server', { statement_timeout: 2_000 }],
  ])('a batch that %s gives up is tried again with fewer events', async (_, extra) => {
    const trail = await fixture.open();
    const web = await trail.start({
      buckets: 1,
      database: { url: trail.databaseUrl, extra },
      audit: { worker: false },
    });
    await createSessions(web, 600); // 600 rows take 2.4 s, 250 take 1 s
    await trail.rows(SLOW);

    await expect(web.audit.flush()).rejects.toMatchObject({
      code: 'ERR_SESSION_DATABASE_UNAVAILABLE',
    });
    expect(await trail.rows('SELECT FROM session_events')).toEqual([]);
    // 250, then more than 250 again, which is too many: each try comes further.
    const recorded = async () => (await trail.rows('SELECT FROM session_events')).length;
    for (let round = 0; round < 6 && (await recorded()) < 600; round += 1) {
      await web.audit.flush().catch(() => undefined);
    }
    expect(await recorded()).toBe(600);
  });
});
