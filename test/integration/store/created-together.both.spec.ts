import { describe, expect, test } from '@jest/globals';

import { bucketOf } from '../../../src/store/session-id.js';
import { scripts } from '../../../src/store/scripts.js';
import { type Application } from '../../support/application.js';
import { MINUTE } from '../../support/durations.js';
import { eventually } from '../../support/eventually.js';
import { dumpKeys } from '../../support/key-dump.js';
import { readOutbox } from '../../support/outbox.js';
import { answersOf, recordScripts, replay } from '../../support/script-calls.js';
import { useRedis } from '../../support/use-redis.js';

/** The outcome of each call: 'a session', or the error code. */
async function outcomesOf(calls: Promise<unknown>[]): Promise<string[]> {
  const outcome = (call: Promise<unknown>) =>
    call.then(
      () => 'a session',
      ({ code }: { code: string }) => code,
    );
  return Promise.all(calls.map(outcome));
}

function signIn({ service }: Application, userIds: string[]): Promise<unknown>[] {
  return userIds.map((userId) => service.createSession({ userId }));
}

function blockFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end) continue;
}

const users = (count: number) => Array.from({ length: count }, (_, n) => `user ${n}`);

describe('creating sessions at the same time', () => {
  const fixture = useRedis();

  test('simultaneous sign-ins share runs of the script, and each caller gets its own session', async () => {
    const app = fixture.open({ buckets: 2 });
    const calls = recordScripts(app);
    const sessions = await Promise.all(
      users(300).map((userId) => app.service.createSession({ userId })),
    );
    expect(calls.length).toBeLessThan(30);
    for (const [n, { id, userId }] of sessions.entries()) {
      expect(userId).toBe(`user ${n}`);
      expect(await app.service.validateSession(id)).toEqual({ id: userId });
    }
    expect(await readOutbox(app)).toHaveLength(300);
  });

  test('replaying a run creates none of its sessions again', async () => {
    const app = fixture.open({ buckets: 1 });
    const calls = recordScripts(app);
    await Promise.all(signIn(app, users(100)));
    const before = await dumpKeys(fixture.redis, `${app.prefix}:`);
    for (const call of calls) expect(await replay(app, call)).toEqual(call.reply);
    expect(await dumpKeys(fixture.redis, `${app.prefix}:`)).toEqual(before);
    expect(answersOf(calls.at(-1)!.reply).every(([result]) => result === 'OK')).toBe(true);
  });

  test('simultaneous sign-ins fill the backlog exactly to its limit', async () => {
    const app = fixture.open({ buckets: 1, backlogLimit: 10 });
    const outcomes = await outcomesOf(signIn(app, users(40)));
    expect(outcomes.filter((outcome) => outcome === 'a session')).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === 'ERR_SESSION_BACKLOG')).toHaveLength(30);
    expect(await readOutbox(app)).toHaveLength(10);
  });

  test('a sign-in that fails does not affect the others in its run', async () => {
    const app = fixture.open({ buckets: 1 });
    const foreign = app.buckets.keysOf(bucketOf('user 7', 1)).userSet('user 7');
    await app.client.set(foreign, 'foreign');
    const outcomes = await outcomesOf(signIn(app, users(20)));
    await app.client.del(foreign);
    const expected = users(20).map((userId) =>
      userId === 'user 7' ? 'ERR_SESSION_REDIS_REFUSED' : 'a session',
    );
    expect(outcomes).toEqual(expected);
    expect(await readOutbox(app)).toHaveLength(19);
  });

  test('a run evicts at most one chunk of sessions after the limit was lowered', async () => {
    const before = fixture.open({ buckets: 1 });
    const crowd = users(4).flatMap((userId) => Array<string>(150).fill(userId));
    await Promise.all(signIn(before, crowd));
    const app = fixture.open({ buckets: 1, prefix: before.prefix, maxSessionsPerUser: 1 });
    const calls = recordScripts(app);
    await Promise.all(signIn(app, users(4)));
    const creates = calls.filter(({ script }) => script === scripts.create);
    expect(creates.length).toBeGreaterThan(1);
    expect(answersOf(creates[0]!.reply).some(([result]) => result === 'AGAIN')).toBe(true);
    for (const userId of users(4))
      expect(await app.service.listUserSessions(userId)).toHaveLength(1);
  });

  test('sign-ins that time out while waiting are not carried out later', async () => {
    const app = fixture.open({ buckets: 1, timeout: 200 });
    await app.service.createSession({ userId: 'ada', expires: MINUTE });
    for (const server of fixture.redis.servers) server.pause();
    const calls = signIn(app, users(200)); // more than fit into a run
    blockFor(20); // ensures that all time out when the first run fails
    const outcomes = await outcomesOf(calls);
    for (const server of fixture.redis.servers) server.resume();
    expect(new Set(outcomes)).toEqual(new Set(['ERR_SESSION_REDIS_UNAVAILABLE']));
    await eventually(() => app.service.createSession({ userId: 'last' }));
    const created = (await readOutbox(app)).map(({ userId }) => userId);
    expect(created.filter((userId) => userId.startsWith('user'))).toEqual([]);
  });
});
