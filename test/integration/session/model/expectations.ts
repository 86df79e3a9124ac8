import { expect } from '@jest/globals';

import type { OutboxEvent } from '../../../support/outbox.js';
import { expectWithin, type Run } from './run.js';
import type { ModelSession, SessionModel } from './session-model.js';

const MUCH_LATER = 1_000_000_000;

/** What `getSession` should return for a live session. */
export function detailsOf(session: ModelSession, run: Run) {
  const date = (time: number) => new Date(time - run.moved);
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
  await app.expectInvariants();
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
  expectEvents(await app.events(), model, run);
}

/** Expects that, much later, every session has one end, and nothing is left but events. */
export async function expectAllEnded(model: SessionModel, run: Run): Promise<void> {
  const app = run.process(0);
  await run.letPass(MUCH_LATER);
  await app.sweepAll();
  for (let bucket = 0; bucket < model.rules.buckets; bucket++) {
    model.sweep(bucket, await run.now());
  }

  expect(model.sessions.filter(({ end }) => end === null)).toEqual([]);
  expectEvents(await app.events(), model, run);
  expect(await app.storedSessions()).toEqual([]);
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
  const createdAt = session.createdAt - run.moved;
  const times = { createdAt, occurredAt: createdAt, expiresAt: session.expiresAt - run.moved };
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
    createdAt: session.createdAt - run.moved,
    expiresAt: session.idleExpiresAt - run.moved,
    reason: end.reason,
    actor: end.actor,
  });
  expectWithin(event!.occurredAt + run.moved, end.at);
}

/** A rotated session's `created` event follows the old session's end, and has the same time. */
function expectRotationsInOneStep(events: OutboxEvent[]): void {
  events.forEach(({ event, reason, userId, occurredAt }, i) => {
    if (event !== 'created' || reason !== 'rotated') return;
    const end = { event: 'destroyed', reason: 'rotated', userId, occurredAt };
    expect(events[i - 1]).toMatchObject(end);
  });
}
