import { expect } from '@jest/globals';

import { parseRecord } from '../../src/store/session-record.js';
import type { Application } from './application.js';
import { dumpKeys, type KeyDump } from './key-dump.js';
import { readNumberedOutbox, type NumberedEvent, type OutboxEvent } from './outbox.js';
import type { RedisUnderTest } from './redis-under-test.js';

/** The expiry of each session, by handle, as one of three places in Redis has it. */
type Expiries = Map<string, number>;

/** What a test of moving slots can't expect. */
export interface InvariantTolerance {
  /** How much later than its session a key may expire (ms): MIGRATE sends the time that is left. */
  keyDrift: number;
}

/**
 * Checks everything that an application has in Redis:
 *
 * - every record is in both indexes with its expiry, and its key expires then;
 * - the indexes have no other members, except sessions that are due for the sweep;
 * - every session has one `created` event and, once it is no longer in the expiry index, one
 *   `destroyed` event after it;
 * - the events of a bucket are numbered without gaps, up to the bucket's outbox number.
 */
export async function expectInvariants(
  redis: RedisUnderTest,
  app: Application,
  { keyDrift }: InvariantTolerance = { keyDrift: 0 },
): Promise<void> {
  const keys = await dumpKeys(redis, `${app.prefix}:{`);
  const events = await readNumberedOutbox(app);
  const now = Math.max(...(await Promise.all(redis.nodes.map(timeOf))));
  const records = expiriesInRecords(keys);
  const index = expiriesInExpiryIndex(keys);
  const userSets = expiriesInUserSets(keys);
  const faults = [
    ...recordFaults(records, index, userSets),
    ...expiryFaults(keys, keyDrift),
    ...indexFaults(records, index, now),
    ...indexFaults(records, userSets, now),
    ...eventFaults(events, index),
    ...numberFaults(events, keys),
  ];
  expect(faults.slice(0, 10)).toEqual([]);
}

async function timeOf(node: { time(): Promise<(string | number)[]> }): Promise<number> {
  const [seconds, microseconds] = await node.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}

function* recordFaults(records: Expiries, index: Expiries, userSets: Expiries) {
  for (const [handle, expiry] of records) {
    if (index.get(handle) !== expiry) yield `${handle} is not in the expiry index at its expiry`;
    if (userSets.get(handle) !== expiry) yield `${handle} is not in its user's set at its expiry`;
  }
}

function* expiryFaults(keys: KeyDump[], drift: number) {
  for (const { key, value, expiresAt } of keys) {
    const [, kind] = partsOf(key);
    if (kind === 's') {
      const late = expiresAt - parseRecord(value as string).idleExpiresAt;
      if (late < 0 || late > drift) yield `${key} does not expire with its session`;
    }
    if (kind === 'u' && expiresAt !== -1) yield `${key} has an expiry`;
  }
}

function* indexFaults(records: Expiries, index: Expiries, now: number) {
  for (const [handle, expiry] of index) {
    if (!records.has(handle) && expiry > now) yield `${handle} has no record and is not due`;
  }
}

/** @param index the sessions that are live or not swept yet */
export function* eventFaults(events: OutboxEvent[], index: Expiries) {
  const eventsOf = new Map<string, OutboxEvent[]>();
  for (const event of events) {
    eventsOf.set(event.handle, [...(eventsOf.get(event.handle) ?? []), event]);
  }
  for (const [handle, trail] of eventsOf) {
    const names = trail.map(({ event }) => event).join(', ');
    const expected = index.has(handle) ? 'created' : 'created, destroyed';
    if (names !== expected) yield `${handle} has the events ${names}, not ${expected}`;
    else yield* contradictions(handle, trail);
  }
  for (const handle of index.keys()) {
    if (!eventsOf.has(handle)) yield `${handle} has no event`;
  }
}

function* numberFaults(events: NumberedEvent[], keys: KeyDump[]) {
  for (const { key, value } of keys) {
    const [bucket, kind] = partsOf(key);
    if (kind !== 'n') continue;
    const numbers = events
      .filter(({ handle }) => handle.startsWith(bucket))
      .map(({ number }) => number);
    const first = Number(value) - numbers.length + 1;
    if (numbers.some((number, i) => number !== first + i)) {
      yield `the events of bucket ${bucket} have the numbers ${numbers.join(', ')} up to ${String(value)}`;
    }
  }
}

function* contradictions(handle: string, [created, destroyed]: OutboxEvent[]) {
  if (created!.occurredAt !== created!.createdAt) yield `${handle} has two times of creation`;
  if (!destroyed) return;
  if (destroyed.createdAt !== created!.createdAt || destroyed.userId !== created!.userId) {
    yield `${handle} was created and destroyed as different sessions`;
  }
  if (destroyed.occurredAt < created!.occurredAt) yield `${handle} ended before it was created`;
  if (destroyed.occurredAt > created!.expiresAt) yield `${handle} ended after its absolute expiry`;
}

function expiriesInRecords(keys: KeyDump[]): Expiries {
  const records = keys.filter(({ key }) => partsOf(key)[1] === 's');
  return new Map(
    records.map(({ key, value }) => {
      const [bucket, , digest] = partsOf(key);
      return [bucket + digest, parseRecord(value as string).idleExpiresAt];
    }),
  );
}

function expiriesInUserSets(keys: KeyDump[]): Expiries {
  return expiriesIn(keys, 'u', (member) => member);
}

function expiriesInExpiryIndex(keys: KeyDump[]): Expiries {
  return expiriesIn(keys, 'x', (member) => member.slice(0, member.indexOf(':')));
}

function expiriesIn(
  keys: KeyDump[],
  wantedKind: string,
  digestOf: (member: string) => string,
): Expiries {
  const expiries: Expiries = new Map();
  for (const { key, value } of keys) {
    const [bucket, kind] = partsOf(key);
    if (kind !== wantedKind) continue;
    for (const [member, score] of scoresOf(value)) expiries.set(bucket + digestOf(member), score);
  }
  return expiries;
}

/** Splits a key into its bucket (2 hex digits), its kind and the rest. */
function partsOf(key: string): [bucket: string, kind: string, rest: string] {
  const [, bucket, kind, rest] = /^[^{]*\{(\d+)\}:(\w):?(.*)$/s.exec(key)!;
  return [Number(bucket).toString(16).padStart(2, '0'), kind!, rest!];
}

function scoresOf(value: unknown): [member: string, score: number][] {
  const flat = value as string[];
  return flat.flatMap((member, i) => (i % 2 === 0 ? [[member, Number(flat[i + 1])]] : []));
}
