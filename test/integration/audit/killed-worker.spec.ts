import { describe, expect, it } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { startApplication } from './application-process.js';
import { countRecords } from './records.js';
import { beginAndEnd } from './sessions.js';
import { useLedger } from './use-ledger.js';

describe('a worker that is killed under load', () => {
  const ground = useLedger();

  it('again and again, loses nothing and doubles nothing', async () => {
    const trail = await ground.open();
    const web = await trail.start({ buckets: 4, audit: { worker: false } });
    let made = 0;
    for (let round = 0; round < 3; round += 1) {
      const worker = await startApplication({
        redis: ground.redis.servers[0]!.url,
        database: trail.databaseUrl,
        prefix: trail.prefix,
        buckets: 4,
        redisTimeout: 5_000,
      });
      const { created: before } = await countRecords(trail);
      const making = beginAndEnd(web, 1_500);
      await eventually(async () => {
        expect((await countRecords(trail)).created).toBeGreaterThan(before);
      }, 30_000);
      await worker.kill();
      await making;
      made += 1_500;
    }
    // Each killed worker has left jobs that are active for nobody.
    await trail.start({ buckets: 4 });
    await eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created: made, destroyed: made });
    }, 60_000);
    expect(await web.audit.health()).toMatchObject({ backlog: 0, deadLetters: 0 });
  }, 120_000);
});
