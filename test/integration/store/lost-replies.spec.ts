import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import type { Script } from '../../../src/store/bounded-redis.js';
import { scripts } from '../../../src/store/scripts.js';
import type { Application } from '../../support/application.js';
import { lossyProxy, type LossyProxy } from '../../support/lossy-proxy.js';
import { readOutbox } from '../../support/outbox.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';

// The script has run, its reply is lost with the connection, and ioredis sends it again.
describe('a reply that is lost on the way', () => {
  const fixture = useRedis(singleRedis);
  let proxy: LossyProxy;
  let app: Application;

  beforeEach(async () => {
    proxy = await lossyProxy(fixture.redis.servers[0]!.port);
    app = fixture.open({ connection: proxy.url });
    for (const node of fixture.redis.nodes) {
      for (const { source } of Object.values(scripts)) await node.script('LOAD', source);
    }
    await app.buckets.clockOf(0).now();
  });
  afterEach(() => proxy.close());

  /** Loses the reply to the call's script, and expects the call to succeed all the same. */
  const withLostReply = async <T>(script: Script, call: () => Promise<T>): Promise<T> => {
    const runs = await scriptRuns();
    const lost = proxy.loseReplyTo(script.sha1);
    const result = await call();
    await lost;
    // The script has truly run twice.
    expect((await scriptRuns()) - runs).toBeGreaterThanOrEqual(2);
    return result;
  };
  const scriptRuns = async () => {
    const info = await fixture.redis.nodes[0]!.info('commandstats');
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0);
  };

  test('begins one session, with one event', async () => {
    for (let round = 0; round < 20; round++) {
      const session = await withLostReply(scripts.create, () =>
        app.service.createSession({ userId: `user ${round}` }),
      );
      expect(await app.service.listUserSessions(`user ${round}`)).toMatchObject([
        { handle: session.handle, createdAt: session.createdAt, expiresAt: session.expiresAt },
      ]);
    }
    expect(await readOutbox(app)).toHaveLength(20);
  });

  test('begins as many sessions as were asked for at once', async () => {
    const sessions = await withLostReply(scripts.create, () =>
      Promise.all(Array.from({ length: 10 }, () => app.service.createSession({ userId: 'ada' }))),
    );
    const handles = (await app.service.listUserSessions('ada')).map(({ handle }) => handle);
    expect(handles.toSorted()).toEqual(sessions.map(({ handle }) => handle).toSorted());
    expect(await readOutbox(app)).toHaveLength(10);
  });

  test('rotates a session once', async () => {
    const { id } = await app.service.createSession({ userId: 'ada' });
    const rotated = await withLostReply(scripts.rotate, () => app.service.rotateSession(id));
    expect(await app.service.listUserSessions('ada')).toMatchObject([{ handle: rotated.handle }]);
    expect(await readOutbox(app)).toHaveLength(3);
  });

  test('ends a session once', async () => {
    const { id } = await app.service.createSession({ userId: 'ada' });
    await withLostReply(scripts.destroy, () => app.service.destroySession(id));
    expect(await readOutbox(app)).toHaveLength(2);
  });

  test('logs a user out everywhere once', async () => {
    for (let n = 0; n < 3; n++) await app.service.createSession({ userId: 'ada' });
    await withLostReply(scripts.destroyAll, () => app.service.invalidateAllUserSessions('ada'));
    expect(await readOutbox(app)).toHaveLength(6);
  });

  test('changes the data once', async () => {
    const { id } = await app.service.createSession({ userId: 'ada' });
    await withLostReply(scripts.updateData, () => app.service.updateSessionData(id, { a: 1 }));
    expect((await app.service.getSession(id))!.data).toEqual({ a: 1 });
  });
});
