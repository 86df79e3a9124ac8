import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import type { Script } from '../../../src/store/bounded-redis.js';
import { scripts } from '../../../src/store/scripts.js';
import type { Application } from '../../support/application.js';
import { lossyProxy, type LossyProxy } from '../../support/lossy-proxy.js';
import { readOutbox } from '../../support/outbox.js';
import { useRedis } from '../../support/use-redis.js';

// The script has run, its reply is lost with the connection, and ioredis sends the command again.
describe('lost replies', () => {
  const fixture = useRedis();
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

  /** Makes the call, loses the reply to its script, and expects the call to succeed anyway. */
  const withLostReply = async <T>(script: Script, call: () => Promise<T>): Promise<T> => {
    const runs = await scriptRuns();
    const lost = proxy.loseReplyTo(script.sha1);
    const result = await call();
    await lost;
    expect((await scriptRuns()) - runs).toBeGreaterThanOrEqual(2);
    return result;
  };
  const scriptRuns = async () => {
    const info = await fixture.redis.nodes[0]!.info('commandstats');
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0);
  };

  test('a lost reply to a sign-in leaves one session with one event', async () => {
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

  test('a lost reply to simultaneous sign-ins leaves one session for each', async () => {
    const sessions = await withLostReply(scripts.create, () =>
      Promise.all(Array.from({ length: 10 }, () => app.service.createSession({ userId: 'ada' }))),
    );
    const handles = (await app.service.listUserSessions('ada')).map(({ handle }) => handle);
    expect(handles.toSorted()).toEqual(sessions.map(({ handle }) => handle).toSorted());
    expect(await readOutbox(app)).toHaveLength(10);
  });

  test('a lost reply to a rotation rotates the session once', async () => {
    const { id } = await app.service.createSession({ userId: 'ada' });
    const rotated = await withLostReply(scripts.rotate, () => app.service.rotateSession(id));
    expect(await app.service.listUserSessions('ada')).toMatchObject([{ handle: rotated.handle }]);
    expect(await readOutbox(app)).toHaveLength(3);
  });

  test('a lost reply to a log-out ends the session once', async () => {
    const { id } = await app.service.createSession({ userId: 'ada' });
    await withLostReply(scripts.destroy, () => app.service.destroySession(id));
    expect(await readOutbox(app)).toHaveLength(2);
  });

  test('a lost reply to a log-out everywhere ends each session once', async () => {
    for (let n = 0; n < 3; n++) await app.service.createSession({ userId: 'ada' });
    await withLostReply(scripts.destroyAll, () => app.service.invalidateAllUserSessions('ada'));
    expect(await readOutbox(app)).toHaveLength(6);
  });

  test('a lost reply to an update changes the data once', async () => {
    const { id } = await app.service.createSession({ userId: 'ada' });
    await withLostReply(scripts.updateData, () => app.service.updateSessionData(id, { a: 1 }));
    expect((await app.service.getSession(id))!.data).toEqual({ a: 1 });
  });
});
