import { expect } from '@jest/globals';

import { dumpKeys } from '../../../support/key-dump.js';
import { readOutbox, type OutboxEvent } from '../../../support/outbox.js';
import { expectInvariants } from '../../../support/invariants.js';
import { expectWithin, type Run } from './run.js';
import type { ModelSession, SessionModel } from './session-model.js';

const MUCH_LATER = 1_000_000_000;

/** What `getSession` should return for a live session. */
export function detailsOf(session: ModelSession, run: Run) {
  const date = (time: number) => new Date(time - run.passed);
  return {
    handle: session.handle,
    userId: session.userId,
    createdAt: date(session.createdAt),
    signedInAt: date(session.signedInAt),
    lastUsedAt: date(session.lastUsedAt),
    expiresAt: date(session.expiresAt),
    idleExpiresAt: date(session.idleExpiresAt),
    client: {
      ...(session.ip && { ip: session.ip }),
      ...(session.userAgent && { userAgent: session.userAgent }),
    },
    data: session.data,
  };
}

/** Expects everything that the store returns and has written to match the model. */
export async function expectEqual(model: SessionModel, run: Run): Promise<void> {
  const app = run.process(0);
  await expectInvariants(run.redis, app);
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

/** Expects that, much later, every session has one end, and Redis holds events only. */
export async function expectAllEnded(model: SessionModel, run: Run): Promise<void> {
  const app = run.process(0);
  await run.letPass(MUCH_LATER);
  await app.upkeep.sweepAll();
  for (const bucket of app.buckets.numbers()) model.sweep(bucket, await run.now());

  expect(model.sessions.filter(({ end }) => end === null)).toEqual([]);
  expectEvents(await readOutbox(app), model, run);
  const keys = (await dumpKeys(run.redis, `${app.prefix}:`)).map(({ key }) => key);
  expect(keys.filter((key) => !key.endsWith(':o'))).toEqual([]);
}

function expectEvents(events: OutboxEvent[], model: SessionModel, run: Run): void {
  const endedSessions = model.sessions.filter(({ end }) => end !== null);
  expect(events).toHaveLength(model.sessions.length + endedSessions.length);
  for (const session of model.sessions) {
    const [created, ended] = events.filter(({ handle }) => handle === session.handle);
    expectCreated(session, created, run);
    expectEnded(session, ended, run);
  }
  expectRotationsInOneStep(events);
}

function expectCreated(session: ModelSession, event: OutboxEvent | undefined, run: Run): void {
  const { handle, userId, ip, userAgent, createdBy: begunBy } = session;
  const createdAt = session.createdAt - run.passed;
  const times = { createdAt, occurredAt: createdAt, expiresAt: session.expiresAt - run.passed };
  const expected = { handle, userId, ...times, ip, userAgent };
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
    expiresAt: session.idleExpiresAt - run.passed,
    reason: end.reason,
    actor: end.actor,
  });
  expectWithin(event!.occurredAt + run.passed, end.at);
}

/** A rotated session's `created` event follows the old session's end, and has the same time. */
function expectRotationsInOneStep(events: OutboxEvent[]): void {
  events.forEach(({ event, reason, userId, occurredAt }, i) => {
    if (event !== 'created' || reason !== 'rotated') return;
    const end = { event: 'destroyed', reason: 'rotated', userId, occurredAt };
    expect(events[i - 1]).toMatchObject(end);
  });
}
