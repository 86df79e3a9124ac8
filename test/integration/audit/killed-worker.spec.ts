import { describe, expect, it } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { startApplication } from './application-process.js';
import { countRecords } from './records.js';
import { createAndDestroySessions } from './sessions.js';
import { useLedger } from '../../support/use-ledger.js';

describe('Killed workers', () => {
  const fixture = useLedger();

  it('workers killed repeatedly under load lose no event and record none twice', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ buckets: 4, audit: { worker: false } });
    let created = 0;
    for (let round = 0; round < 3; round += 1) {
      const worker = await startApplication({
        redis: fixture.redis.servers[0]!.url,
        database: trail.databaseUrl,
        prefix: trail.prefix,
        buckets: 4,
        redisTimeout: 5_000,
      });
      const { created: before } = await countRecords(trail);
      const load = createAndDestroySessions(web, 1_500);
      await eventually(async () => {
        expect((await countRecords(trail)).created).toBeGreaterThan(before);
      }, 30_000);
      await worker.kill();
      await load;
      created += 1_500;
    }
    // Each killed worker leaves jobs in BullMQ's active list that no process works on.
    await trail.start({ buckets: 4 });
    await eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created, destroyed: created });
    }, 60_000);
    expect(await web.audit.health()).toMatchObject({ backlog: 0, deadLetters: 0 });
  }, 120_000);
});
