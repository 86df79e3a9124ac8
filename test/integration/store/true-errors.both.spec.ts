import { describe, expect, test } from '@jest/globals';

import type { Session } from '../../../src/session/session.js';
import type { Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';
import { readOutbox } from '../../support/outbox.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';

const UNAVAILABLE = { code: 'ERR_SESSION_REDIS_UNAVAILABLE' };

/** Pauses all of Redis. What clients send meanwhile waits in its sockets. */
async function whileStalled(redis: RedisUnderTest, work: () => Promise<void>): Promise<void> {
  for (const server of redis.servers) server.pause();
  try {
    await work();
  } finally {
    for (const server of redis.servers) server.resume();
  }
}

/** Waits until Redis has read everything that was sent during the stall. */
async function afterStall({ service }: Application): Promise<void> {
  await eventually(() => service.createSession({ userId: 'afterwards' }));
}

describe('calls that fail while Redis is stalled', () => {
  const fixture = useRedis();

  /** A user at the limit: three devices are signed in. */
  const openWithDevices = async () => {
    const app = fixture.open({ buckets: 1, timeout: 300, maxSessionsPerUser: 3 });
    const devices: Session[] = [];
    for (let n = 0; n < 3; n++) devices.push(await app.service.createSession({ userId: 'ada' }));
    return { app, devices };
  };

  test('a failed sign-in is not carried out, and evicts no session, once Redis resumes', async () => {
    const { app, devices } = await openWithDevices();
    await whileStalled(fixture.redis, async () => {
      for (let retry = 0; retry < 3; retry++) {
        await expect(app.service.createSession({ userId: 'ada' })).rejects.toMatchObject(
          UNAVAILABLE,
        );
      }
    });
    await afterStall(app);
    for (const { id } of devices) expect(await app.service.validateSession(id)).not.toBeNull();
    const events = (await readOutbox(app)).filter(({ userId }) => userId === 'ada');
    expect(events.map(({ event }) => event)).toEqual(['created', 'created', 'created']);
  });

  test('a failed rotation leaves the session as it was', async () => {
    const { app, devices } = await openWithDevices();
    const { id } = devices[0]!;
    await whileStalled(fixture.redis, async () => {
      await expect(app.service.rotateSession(id)).rejects.toMatchObject(UNAVAILABLE);
    });
    await afterStall(app);
    expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
  });

  test('a failed update changes nothing', async () => {
    const { app, devices } = await openWithDevices();
    const { id } = devices[0]!;
    await whileStalled(fixture.redis, async () => {
      await expect(app.service.updateSessionData(id, { a: 1 })).rejects.toMatchObject(UNAVAILABLE);
    });
    await afterStall(app);
    expect((await app.service.getSession(id))?.data).toEqual({});
  });
});
