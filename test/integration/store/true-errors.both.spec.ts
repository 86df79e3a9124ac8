import { describe, expect, test } from '@jest/globals';

import type { Session } from '../../../src/session/session.js';
import type { Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';
import { readOutbox } from '../../support/outbox.js';
import { projectRedis, type RedisUnderTest } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';

const UNAVAILABLE = { code: 'ERR_SESSION_REDIS_UNAVAILABLE' };

/** Stops Redis as a whole; what clients send meanwhile waits in its sockets. */
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

describe('an error answer while Redis is stalled', () => {
  const fixture = useRedis(projectRedis);

  /** A user at the limit: three devices are signed in. */
  const openWithDevices = async () => {
    const app = fixture.open({ buckets: 1, timeout: 300, maxSessionsPerUser: 3 });
    const devices: Session[] = [];
    for (let n = 0; n < 3; n++) devices.push(await app.service.createSession({ userId: 'ada' }));
    return { app, devices };
  };

  test('is true: retried sign-ins that failed evict no device once Redis wakes up', async () => {
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

  test('is true: a rotation that failed leaves the old session as it was', async () => {
    const { app, devices } = await openWithDevices();
    const { id } = devices[0]!;
    await whileStalled(fixture.redis, async () => {
      await expect(app.service.rotateSession(id)).rejects.toMatchObject(UNAVAILABLE);
    });
    await afterStall(app);
    expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
  });

  test('is true: a change of data that failed changes nothing', async () => {
    const { app, devices } = await openWithDevices();
    const { id } = devices[0]!;
    await whileStalled(fixture.redis, async () => {
      await expect(app.service.updateSessionData(id, { a: 1 })).rejects.toMatchObject(UNAVAILABLE);
    });
    await afterStall(app);
    expect((await app.service.getSession(id))?.data).toEqual({});
  });
});
