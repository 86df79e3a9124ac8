import type { Place } from '../harness/contender.js';
import { hire } from '../harness/hire.js';
import { say } from '../harness/progress.js';
import { redisInfo } from '../harness/redis-info.js';
import type { Row } from '../harness/row.js';
import type { Scenario } from '../harness/scenario.js';

/** Keeps sessions alive in Redis, so that their memory can be measured. */
export type Keeper = {
  /** Makes so many sessions, so many for each user, and leaves nothing else behind. */
  fill(sessions: number, perUser: number): Promise<void>;
  /** Average bytes of each kind of key, by Redis's MEMORY USAGE. */
  keys(): Promise<Record<string, number>>;
};

/** At most three times the peer's plain value, and at most so many bytes. */
const TIMES = 3;
const BYTES = 700;
const THREE = 'bytes, 3 sessions for each user';

/** What a live session takes in Redis: all keys, once Postgres has its event. */
export const memory: Scenario = {
  rows: ['memory'],
  async run(place, { quick }) {
    const sessions = quick ? 2_000 : 100_000;
    const one = await fill('memory-ours', place, sessions, 1);
    const three = await fill('memory-ours', place, sessions, 3);
    const peer = await fill('memory-connect-redis', place, sessions, 1);
    return [row(one, three, peer, sessions)];
  },
  chart: (rows) => ({
    name: 'memory',
    title: 'Redis memory of a live session',
    unit: 'bytes',
    bars: rows.flatMap((each) => [
      { label: 'ours, 1 session a user', value: each.ours, ours: true },
      { label: 'ours, 3 sessions a user', value: Number(each.details![THREE]), ours: true },
      { label: each.labels.peer, value: each.peer! },
    ]),
  }),
};

interface Filled {
  bytes: number;
  keys: Record<string, number>;
}

async function fill(
  file: string,
  place: Place,
  sessions: number,
  perUser: number,
): Promise<Filled> {
  say(`memory: ${sessions} sessions, ${perUser} for each user, ${file}`);
  const keeper = await hire<Keeper>(file, place);
  try {
    await keeper.call('fill', perUser, perUser); // connections, scripts, the queue
    const before = await usedMemory(place);
    await keeper.call('fill', sessions, perUser);
    const bytes = ((await usedMemory(place)) - before) / sessions;
    return { bytes, keys: await keeper.call('keys') };
  } finally {
    await keeper.dismiss();
  }
}

async function usedMemory(place: Place): Promise<number> {
  return Number((await redisInfo(place, 'memory'))['used_memory']);
}

function row(one: Filled, three: Filled, peer: Filled, sessions: number): Row {
  const headroom = Math.min((TIMES * peer.bytes) / one.bytes, BYTES / one.bytes);
  return {
    name: 'memory',
    ours: one.bytes,
    peer: peer.bytes,
    unit: 'bytes/session',
    ratio: headroom,
    bar: 1,
    holds: headroom >= 1,
    labels: { ours: 'all keys of a session', peer: 'connect-redis, plain value' },
    details: {
      sessions,
      'bar in words': `at most ${TIMES} times the peer and ${BYTES} bytes; 1 is just that`,
      'times the peer': one.bytes / peer.bytes,
      [THREE]: three.bytes,
      ...named('1 for each user', one.keys),
      ...named('3 for each user', three.keys),
      ...named('peer', peer.keys),
    },
  };
}

function named(prefix: string, keys: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(keys).map(([key, bytes]) => [`${prefix}: ${key}`, bytes]),
  );
}
