import { expect } from '@jest/globals';

import { parseRecord } from '../../src/store/session-record.js';
import type { Application } from './application.js';
import { dumpKeys, type KeyDump } from './key-dump.js';
import { readOutbox, type OutboxEvent } from './outbox.js';
import type { RedisUnderTest } from './redis-under-test.js';

/** Where a session's end stands; a handle's end by each of the places that know it. */
type Ends = Map<string, number>;

/**
 * Looks at all that an application has in Redis, and expects it to be of one piece:
 *
 * - every record stands in both indexes with its end, and expires then;
 * - the indexes hold nothing else but what is due;
 * - the outbox tells of each session one beginning and, once it has left the expiry index, one
 *   end, in that order.
 */
export async function expectInvariants(redis: RedisUnderTest, app: Application): Promise<void> {
  const keys = await dumpKeys(redis, `${app.prefix}:{`);
  const events = await readOutbox(app);
  const now = Math.max(...(await Promise.all(redis.nodes.map(timeOf))));
  const records = endsOfRecords(keys);
  const index = endsInExpiryIndex(keys);
  const faults = [
    ...recordFaults(keys, records, index, endsInUserSets(keys)),
    ...indexFaults(records, index, now),
    ...indexFaults(records, endsInUserSets(keys), now),
    ...trailFaults(events, index),
  ];
  expect(faults.slice(0, 10)).toEqual([]);
}

async function timeOf(node: { time(): Promise<(string | number)[]> }): Promise<number> {
  const [seconds, microseconds] = await node.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}

function* recordFaults(keys: KeyDump[], records: Ends, index: Ends, userSets: Ends) {
  for (const [handle, ends] of records) {
    if (index.get(handle) !== ends) yield `${handle} is not in the expiry index by its end`;
    if (userSets.get(handle) !== ends) yield `${handle} is not in its user's set by its end`;
  }
  for (const { key, value, expiresAt } of keys) {
    const [, kind] = partsOf(key);
    if (kind === 's' && expiresAt !== parseRecord(value as string).idleExpiresAt) {
      yield `${key} doesn't expire at its session's end`;
    }
    if (kind === 'u' && expiresAt !== -1) yield `${key} doesn't go with its last session`;
  }
}

function* indexFaults(records: Ends, index: Ends, now: number) {
  for (const [handle, ends] of index) {
    if (!records.has(handle) && ends > now) yield `${handle} has no record, and is not due`;
  }
}

function* trailFaults(events: OutboxEvent[], index: Ends) {
  const trails = new Map<string, OutboxEvent[]>();
  for (const event of events) {
    const trail = trails.get(event.handle) ?? [];
    trails.set(event.handle, [...trail, event]);
  }
  for (const [handle, trail] of trails) {
    const told = trail.map(({ event }) => event).join(', ');
    const expected = index.has(handle) ? 'created' : 'created, destroyed';
    if (told !== expected) yield `${handle} should be ${expected}, and was ${told}`;
    const [begun, ended] = trail;
    if (begun!.occurredAt !== begun!.createdAt)
      yield `${handle} began at another time than it was created`;
    if (!ended) continue;
    if (ended.createdAt !== begun!.createdAt || ended.userId !== begun!.userId) {
      yield `${handle} ended as another session than it began`;
    }
    if (ended.occurredAt < begun!.occurredAt) yield `${handle} ended before it began`;
    if (ended.occurredAt > begun!.expiresAt) yield `${handle} ended after its hard end`;
  }
  for (const handle of index.keys()) {
    if (!trails.has(handle)) yield `${handle} began without an event`;
  }
}

function endsOfRecords(keys: KeyDump[]): Ends {
  const records = keys.filter(({ key }) => partsOf(key)[1] === 's');
  return new Map(
    records.map(({ key, value }) => {
      const [bucket, , digest] = partsOf(key);
      return [bucket + digest, parseRecord(value as string).idleExpiresAt];
    }),
  );
}

function endsInUserSets(keys: KeyDump[]): Ends {
  return endsIn(keys, 'u', (member) => member);
}

function endsInExpiryIndex(keys: KeyDump[]): Ends {
  return endsIn(keys, 'x', (member) => member.slice(0, member.indexOf(':')));
}

function endsIn(keys: KeyDump[], kind: string, digestOf: (member: string) => string): Ends {
  const ends: Ends = new Map();
  for (const { key, value } of keys) {
    const [bucket, of] = partsOf(key);
    if (of !== kind) continue;
    for (const [member, score] of scoresOf(value)) ends.set(bucket + digestOf(member), score);
  }
  return ends;
}

/** Of a key of a bucket: the bucket in 2 hex digits, the kind of key, and what comes after. */
function partsOf(key: string): [bucket: string, kind: string, rest: string] {
  const [, bucket, kind, rest] = /^[^{]*\{(\d+)\}:(\w):?(.*)$/s.exec(key)!;
  return [Number(bucket).toString(16).padStart(2, '0'), kind!, rest!];
}

function scoresOf(value: unknown): [member: string, score: number][] {
  const flat = value as string[];
  return flat.flatMap((member, i) => (i % 2 === 0 ? [[member, Number(flat[i + 1])]] : []));
}
