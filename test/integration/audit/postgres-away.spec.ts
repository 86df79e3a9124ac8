import { afterEach, describe, expect, it } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { startApplication } from './application-process.js';
import { countRecords } from './records.js';
import { createAndDestroySessions, createSessions } from './sessions.js';
import { useLedger } from '../../support/use-ledger.js';

const MEGABYTE = 1024 ** 2;
const MINUTE = 60_000;

describe('Postgres outages and the backlog limit', () => {
  const fixture = useLedger();
  const web = (backlogLimit: number, whenBacklogFull: 'reject' | 'accept') => ({
    buckets: 1,
    audit: { worker: false, backlogLimit, whenBacklogFull },
  });
  afterEach(() => fixture.postgres.resume());

  it(
    'without Postgres an application starts and works, and 100,000 events are recorded later',
    async () => {
      const trail = await fixture.open();
      await fixture.postgres.kill();
      const app = await startApplication({
        redis: fixture.redis.servers[0]!.url,
        database: trail.databaseUrl,
        prefix: trail.prefix,
        redisTimeout: 5_000,
      });
      const heap = await app.createEvents(20_000);
      expect((await app.createEvents(80_000)) - heap).toBeLessThan(10 * MEGABYTE);
      await app.kill(); // its events are safe in Redis

      await fixture.postgres.restart();
      await trail.start();
      await eventually(async () => {
        expect(await countRecords(trail)).toEqual({ created: 50_000, destroyed: 50_000 });
      }, 2 * MINUTE);
    },
    4 * MINUTE,
  );

  it('a running process drains again once Postgres is back', async () => {
    const trail = await fixture.open();
    const app = await trail.start();
    await createAndDestroySessions(app, 50);
    await fixture.postgres.kill();
    await createAndDestroySessions(app, 50);
    await expect(app.audit.health()).rejects.toMatchObject({
      code: 'ERR_SESSION_DATABASE_UNAVAILABLE',
    });
    await fixture.postgres.restart();
    await eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created: 100, destroyed: 100 });
    }, 30_000);
  });

  it('sessions work while Postgres is frozen, and their events are recorded afterwards', async () => {
    const trail = await fixture.open();
    const app = await trail.start({ redisTimeout: 500 });
    await createAndDestroySessions(app, 50);
    await eventually(async () => expect((await countRecords(trail)).destroyed).toBe(50));
    fixture.postgres.pause();
    for (let i = 0; i < 10; i += 1) await createAndDestroySessions(app, 50);
    fixture.postgres.resume();
    await eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created: 550, destroyed: 550 });
    }, 30_000);
  });

  it('a full backlog rejects new sessions, while existing ones can be ended and rotated', async () => {
    const trail = await fixture.open();
    const app = await trail.start(web(100, 'reject'));
    const [first, ...others] = await createSessions(app, 100);
    const rejected = app.sessions.createSession({ userId: 'ada' });
    await expect(rejected).rejects.toMatchObject({
      code: 'ERR_SESSION_BACKLOG',
      message: expect.stringContaining('100'),
    });
    expect(await app.sessions.validateSession(first!.id)).not.toBeNull();
    await Promise.all(others.map(({ id }) => app.sessions.destroySession(id)));
    await app.sessions.rotateSession(first!.id);

    await app.audit.flush();
    await app.sessions.createSession({ userId: 'ada' });
    await app.audit.flush();
    expect(await countRecords(trail)).toEqual({ created: 102, destroyed: 100 });
  });

  it("a full backlog accepts new sessions if whenBacklogFull is 'accept'", async () => {
    const trail = await fixture.open();
    const app = await trail.start(web(10, 'accept'));
    await createAndDestroySessions(app, 100);
    expect(await app.audit.flush()).toEqual({ recorded: 200, deadLettered: 0 });
  });
});
