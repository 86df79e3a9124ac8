import { setTimeout } from 'node:timers/promises';

import { describe, expect, test } from '@jest/globals';

import type { Session } from '../../../src/session/session.js';
import { KeyAudit } from '../../../src/store/key-audit.js';
import type { Overflow } from '../../../src/store/scripts.js';
import type { Application, ApplicationOptions } from '../../support/application.js';
import { HOUR, MINUTE } from '../../support/durations.js';
import { eventually } from '../../support/eventually.js';
import { letTimePass } from '../../support/move-time.js';
import { redisCluster } from '../../support/redis-under-test.js';
import { SlotMigration } from '../../support/slot-migration.js';
import { useRedis } from '../../support/use-redis.js';

/** The timeout of calls that can't succeed before the slot has moved (ms). */
const SHORT = 60;
const LIMIT = 3;
const UNAVAILABLE = { code: 'ERR_SESSION_REDIS_UNAVAILABLE' };

/** Which keys move first. The letter after the bucket is the kind of a key: see `RedisKeys`. */
const ORDERS: [string, (key: string) => number][] = [
  ['the index and the outbox before the records', (key) => 'xonus'.indexOf(kindOf(key))],
  ['the records before the index and the outbox', (key) => 'suxon'.indexOf(kindOf(key))],
  ["the users' sets before everything else", (key) => 'uxons'.indexOf(kindOf(key))],
  ['all kinds of keys mixed', (key) => key.charCodeAt(key.length - 2)],
];

/** A restarted node still has its keys. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always' };

function kindOf(key: string): string {
  return /\}:(\w)/.exec(key)![1]!;
}

/** What an application has answered so far. */
class Known {
  readonly over: Session[] = [];
  private readonly live = new Map<string, Session[]>();

  constructor(readonly overflow: Overflow) {}

  of(userId: string): Session[] {
    return this.live.get(userId) ?? [];
  }

  created(session: Session): void {
    const { userId } = session;
    this.live.set(userId, [...this.of(userId), session].toSorted(byAge));
    const evicted = this.of(userId).slice(0, -LIMIT);
    if (evicted.length > 0) expect(this.overflow).toBe('evict-oldest');
    this.ended(evicted);
  }

  ended(sessions: Session[]): void {
    this.over.push(...sessions);
    for (const [userId, own] of this.live) {
      this.live.set(
        userId,
        own.filter((session) => !sessions.includes(session)),
      );
    }
  }

  /** Every read must agree with the answers. */
  async expectReads({ service, buckets }: Application): Promise<void> {
    const live = [...this.live.values()].flat();
    const all = [...live, ...this.over];
    const expected = all.map((_, i) => i < live.length);
    const users = await Promise.all(all.map(({ id }) => service.validateSession(id)));
    expect(users.map((user) => user !== null)).toEqual(expected);
    const digests = all.map(({ handle }) => handle.slice(2));
    expect(await buckets.areAlive(0, digests)).toEqual(expected);
    for (const [userId, sessions] of this.live) {
      const listed = await service.listUserSessions(userId);
      expect(handlesOf(listed)).toEqual(handlesOf(sessions));
    }
  }
}

/** As the scripts do: several sessions may be created in one millisecond. */
function byAge(a: Session, b: Session): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || (a.handle < b.handle ? -1 : 1);
}

function handlesOf(sessions: { handle: string }[]): string[] {
  return sessions.map(({ handle }) => handle).toSorted();
}

describe('while a slot of a Redis Cluster moves', () => {
  const fixture = useRedis(() => redisCluster(DURABLE), { keyDrift: 1_000 });

  /** One bucket, so all keys are in the slot that moves. */
  const open = (options: ApplicationOptions = {}) =>
    fixture.open({ buckets: 1, idleTimeout: HOUR, maxSessionsPerUser: LIMIT, ...options });
  const startMigration = ({ buckets }: Application) =>
    SlotMigration.start(fixture.redis, buckets.keysOf(0).expiryIndex);

  /** Makes every kind of change, and notes what was answered. */
  const change = async ({ service, upkeep }: Application, known: Known): Promise<unknown[]> => {
    const [renewed] = known.of('renewed') as [Session];
    const [written] = known.of('written') as [Session];
    const ended = known.of('ended').slice(0, 1);
    const everywhere = known.of('everywhere');
    const calls: Promise<unknown>[] = [
      service.createSession({ userId: 'limited' }).then((session) => known.created(session)),
      service.createSession({ userId: 'new' }).then((session) => known.created(session)),
      service.rotateSession(renewed.id).then((session) => {
        known.ended([renewed]);
        known.created(session);
      }),
      service.updateSessionData(written.id, { a: 1 }).then(async () => {
        expect((await service.getSession(written.id))!.data).toEqual({ a: 1 });
      }),
      ...ended.map(({ id }) => service.destroySession(id).then(() => known.ended(ended))),
      service.invalidateAllUserSessions('everywhere').then(() => known.ended(everywhere)),
      upkeep.sweep(0),
    ];
    const outcomes = await Promise.allSettled(calls);
    return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  };

  test.each(
    ORDERS.flatMap(([name, rank]) =>
      (['evict-oldest', 'reject'] as const).map((overflow) => [name, overflow, rank] as const),
    ),
  )('every answer is true at every step: %s, with the limit %s', async (_, overflow, rank) => {
    const app = open({ overflow });
    const hasty = open({ overflow, prefix: app.prefix, timeout: SHORT });
    const known = new Known(overflow);
    known.ended([await app.service.createSession({ userId: 'expired', expires: MINUTE })]);
    for (const userId of ['limited', 'renewed', 'written', 'ended', 'everywhere']) {
      for (let n = 0; n < LIMIT; n++) known.created(await app.service.createSession({ userId }));
    }
    await letTimePass(app, 10 * MINUTE); // the next use of each session is due to be recorded

    const migration = await startMigration(app);
    const own = (await migration.remaining()).filter((key) => key.startsWith(`${app.prefix}:`));
    const keys = own.toSorted((a, b) => rank(a) - rank(b));
    for (const key of keys) {
      await migration.move(key);
      for (const error of await change(hasty, known)) expect(error).toMatchObject(UNAVAILABLE);
      await known.expectReads(app);
    }
    await migration.finish();

    const rejected = overflow === 'reject' ? [{ code: 'ERR_SESSION_LIMIT' }] : [];
    expect(await change(app, known)).toMatchObject(rejected);
    await known.expectReads(app);
  });

  test('a change that is made meanwhile waits, and is done once the slot has moved', async () => {
    const app = open();
    const known = new Known('evict-oldest');
    for (const userId of ['limited', 'renewed', 'written', 'ended', 'everywhere']) {
      known.created(await app.service.createSession({ userId }));
    }
    const migration = await startMigration(app);
    const [first, ...others] = (await migration.remaining()).toReversed();
    await migration.move(first!);
    const errors = change(app, known);
    for (const key of others) await migration.move(key);
    await migration.finish();
    expect(await errors).toEqual([]);
    await known.expectReads(app);
  });

  // ioredis's own promise of ASKING was unhandled, which ends a process: see `cluster-nodes.ts`.
  test('a receiving node that dies fails the reads of moved sessions, and nothing else', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const app = open();
    const { id, userId } = await app.service.createSession({ userId: 'ada' });
    const migration = await startMigration(app);
    for (const key of await migration.remaining()) await migration.move(key);
    const target = fixture.redis.servers[migration.to]!;
    target.pause();
    const reads = [app.service.validateSession(id), app.service.listUserSessions(userId)];
    const failures = Promise.allSettled(reads);
    await setTimeout(100); // the source's redirections arrive, and the target doesn't answer
    await target.kill();
    for (const failure of await failures) {
      expect(failure).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    }
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    await target.restart();
    await eventually(async () => {
      expect(await app.service.validateSession(id)).toEqual({ id: userId });
    });
    await migration.finish();
  });

  test('a scan finds all sessions although their index moves between two pages', async () => {
    const app = open({ maxSessionsPerUser: 0 });
    const sameExpiry = new Date(Date.now() + HOUR);
    const create = (n: number) =>
      app.service.createSession({ userId: `user ${n}`, ...(n % 2 && { expires: sameExpiry }) });
    const sessions = await Promise.all(Array.from({ length: 2_500 }, (_, n) => create(n)));
    const migration = await startMigration(app);
    const found = new Set<string>();
    for await (const page of new KeyAudit(app.buckets).indexPages(0)) {
      for (const { digest } of page) found.add(`00${digest}`);
      await migration.move(app.buckets.keysOf(0).expiryIndex);
    }
    expect([...found].toSorted()).toEqual(handlesOf(sessions));
    await migration.finish();
  });
});
