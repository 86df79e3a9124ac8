import { expect } from '@jest/globals';

import { sweepAll } from '../../../support/application.js';
import { dumpKeys } from '../../../support/key-dump.js';
import { readOutbox, type OutboxEvent } from '../../../support/outbox.js';
import { expectSound } from '../../../support/soundness.js';
import { expectWithin, type Run } from './run.js';
import type { ModelSession, SessionModel } from './session-model.js';

const LONG_AFTER = 1_000_000_000;

/** What `getSession` should say of a live session. */
export function detailsOf(session: ModelSession, run: Run) {
  const date = (time: number) => new Date(time - run.passed);
  return {
    handle: session.handle,
    userId: session.userId,
    createdAt: date(session.createdAt),
    signedInAt: date(session.signedInAt),
    lastUsedAt: date(session.lastUsedAt),
    expiresAt: date(session.expiresAt),
    idleExpiresAt: date(session.ends),
    client: {
      ...(session.ip && { ip: session.ip }),
      ...(session.userAgent && { userAgent: session.userAgent }),
    },
    data: session.data,
  };
}

/** After a run: all that can be asked of the store, and all that it has written, is as it should be. */
export async function expectEqual(model: SessionModel, run: Run): Promise<void> {
  const app = run.process(0);
  await expectSound(run.redis, app);
  const now = await run.now();
  for (const session of model.sessions) {
    const expected = model.isAlive(session, now) ? detailsOf(session, run) : null;
    expect(await app.service.getSession(session.id)).toEqual(expected);
  }
  for (const userId of new Set(model.sessions.map((session) => session.userId))) {
    const listed = await app.service.listUserSessions(userId);
    const alive = model.aliveOf(userId, now).map((session) => session.handle);
    expect(listed.map(({ handle }) => handle).toSorted()).toEqual(alive.toSorted());
  }
  expectEvents(await readOutbox(app), model, run);
}

/** In the end everybody's time has come: each session has one end, and Redis holds only events. */
export async function expectAllEnded(model: SessionModel, run: Run): Promise<void> {
  const app = run.process(0);
  await run.letPass(LONG_AFTER);
  await sweepAll(app);
  for (let bucket = 0; bucket < app.store.buckets.count; bucket++)
    model.sweep(bucket, await run.now());

  expect(model.sessions.filter(({ end }) => end === null)).toEqual([]);
  expectEvents(await readOutbox(app), model, run);
  const keys = (await dumpKeys(run.redis, `${app.prefix}:`)).map(({ key }) => key);
  expect(keys.filter((key) => !key.endsWith(':o'))).toEqual([]);
}

function expectEvents(events: OutboxEvent[], model: SessionModel, run: Run): void {
  const ended = model.sessions.filter(({ end }) => end !== null);
  expect(events).toHaveLength(model.sessions.length + ended.length);
  for (const session of model.sessions) {
    const [begun, end] = events.filter(({ handle }) => handle === session.handle);
    expectBegun(session, begun, run);
    expectEnded(session, end, run);
  }
  expectRotationsInOneStep(events);
}

function expectBegun(session: ModelSession, event: OutboxEvent | undefined, run: Run): void {
  const { handle, userId, ip, userAgent, begunBy } = session;
  const at = session.createdAt - run.passed;
  const ends = session.expiresAt - run.passed;
  const expected = { handle, userId, createdAt: at, at, ends, ip, userAgent };
  expect(event).toEqual({ event: 'created', reason: begunBy, actor: '', ...expected });
}

function expectEnded(session: ModelSession, event: OutboxEvent | undefined, run: Run): void {
  const { handle, userId, end } = session;
  if (end === null) return expect(event).toBeUndefined();
  expect(event).toMatchObject({
    event: 'destroyed',
    handle,
    userId,
    createdAt: session.createdAt - run.passed,
    ends: session.ends - run.passed,
    reason: end.reason,
    actor: end.actor,
  });
  expectWithin(event!.at + run.passed, end.at);
}

/** A session that goes on under a new ID begins right after the old one ended, at that moment. */
function expectRotationsInOneStep(events: OutboxEvent[]): void {
  events.forEach(({ event, reason, userId, at }, i) => {
    if (event !== 'created' || reason !== 'rotated') return;
    expect(events[i - 1]).toMatchObject({ event: 'destroyed', reason: 'rotated', userId, at });
  });
}
