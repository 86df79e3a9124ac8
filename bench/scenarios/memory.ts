import type { ServerUrls } from '../harness/contender.js';
import type { Row } from '../harness/row.js';
import type { Scenario } from '../harness/scenario.js';
import { redisInfo } from '../harness/servers.js';
import { spawn } from '../harness/spawn.js';
import { showProgress } from '../harness/terminal.js';

/** Fills Redis with sessions, so that their memory can be measured. */
export interface Filler {
  /** Creates sessions, `perUser` for each user, and leaves nothing else behind. */
  fill(sessions: number, perUser: number): Promise<void>;
  /** The average size of each kind of key, according to Redis's MEMORY USAGE (bytes). */
  keys(): Promise<Record<string, number>>;
}

/** Two thresholds: at most three times the peer's plain value, and at most this many bytes. */
const MAX_TIMES_PEER = 3;
const MAX_BYTES = 700;
const THREE = 'bytes, 3 sessions per user';

/** How much Redis memory a live session takes: all its keys, once Postgres has its event. */
export const memory: Scenario = {
  rows: ['memory'],
  async run(servers, { quick }) {
    const sessions = quick ? 2_000 : 100_000;
    const one = await fill('memory-ours', servers, sessions, 1);
    const three = await fill('memory-ours', servers, sessions, 3);
    const peer = await fill('memory-connect-redis', servers, sessions, 1);
    return [row(one, three, peer, sessions)];
  },
  chart: (rows) => ({
    name: 'memory',
    title: 'Redis memory of a live session',
    unit: 'bytes',
    bars: rows.flatMap((each) => [
      { label: 'ours, 1 session per user', value: each.ours, ours: true },
      { label: 'ours, 3 sessions per user', value: Number(each.details![THREE]), ours: true },
      { label: each.labels.peer, value: each.peer! },
    ]),
  }),
};

interface Filled {
  /** For each session. */
  bytes: number;
  keys: Record<string, number>;
}

async function fill(
  contender: string,
  servers: ServerUrls,
  sessions: number,
  perUser: number,
): Promise<Filled> {
  showProgress(`memory: ${sessions} sessions, ${perUser} per user, ${contender}`);
  const filler = await spawn<Filler>(contender, servers);
  try {
    await filler.call('fill', perUser, perUser); // opens connections, loads scripts, sets up the queue
    const before = await usedMemory(servers);
    await filler.call('fill', sessions, perUser);
    const bytes = ((await usedMemory(servers)) - before) / sessions;
    return { bytes, keys: await filler.call('keys') };
  } finally {
    await filler.stop();
  }
}

async function usedMemory(servers: ServerUrls): Promise<number> {
  return Number((await redisInfo(servers.redisUrl, 'memory'))['used_memory']);
}

function row(one: Filled, three: Filled, peer: Filled, sessions: number): Row {
  const ratio = Math.min((MAX_TIMES_PEER * peer.bytes) / one.bytes, MAX_BYTES / one.bytes);
  return {
    name: 'memory',
    ours: one.bytes,
    peer: peer.bytes,
    unit: 'bytes/session',
    ratio,
    threshold: 1,
    met: ratio >= 1,
    labels: { ours: 'all keys of a session', peer: 'connect-redis, plain value' },
    details: {
      sessions,
      'threshold in words':
        `at most ${MAX_TIMES_PEER} times the peer and at most ${MAX_BYTES} bytes; ` +
        `a ratio of 1 just meets it`,
      'times the peer': one.bytes / peer.bytes,
      [THREE]: three.bytes,
      ...prefixed('1 per user', one.keys),
      ...prefixed('3 per user', three.keys),
      ...prefixed('peer', peer.keys),
    },
  };
}

function prefixed(prefix: string, keys: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(keys).map(([key, bytes]) => [`${prefix}: ${key}`, bytes]),
  );
}
