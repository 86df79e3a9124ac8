import type { Redis } from 'ioredis';

import { escapeGlob } from '../../src/store/redis-keys.js';
import type { RedisUnderTest } from './redis-under-test.js';

/** A key with its content. */
export interface KeyDump {
  key: string;
  type: string;
  value: unknown;
  /** When the key expires (ms since 1970); -1 if never. */
  expiresAt: number;
}

/** All keys with this prefix, on all servers. */
export async function dumpKeys(redis: RedisUnderTest, prefix = ''): Promise<KeyDump[]> {
  const dumps = await Promise.all(redis.nodes.map((node) => dumpNode(node, prefix)));
  return dumps.flat().toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

async function dumpNode(node: Redis, prefix: string): Promise<KeyDump[]> {
  const found: KeyDump[] = [];
  const scan = node.scanStream({ match: `${escapeGlob(prefix)}*`, count: 1000 });
  for await (const keys of scan as AsyncIterable<string[]>) {
    found.push(...(await Promise.all(keys.map((key) => dumpKey(node, key)))));
  }
  // SCAN may return a key twice, and a key may expire before it is read.
  const existing = found.filter(({ type }) => type !== 'none');
  return [...new Map(existing.map((entry) => [entry.key, entry])).values()];
}

async function dumpKey(node: Redis, key: string): Promise<KeyDump> {
  const type = await node.type(key);
  const value = await readKey(node, key, type);
  return { key, type, value, expiresAt: await node.pexpiretime(key) };
}

function readKey(node: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case 'none':
      return Promise.resolve(null);
    case 'string':
      return node.get(key);
    case 'list':
      return node.lrange(key, 0, -1);
    case 'zset':
      return node.zrange(key, 0, -1, 'WITHSCORES');
    case 'stream':
      return node.xrange(key, '-', '+');
    case 'hash':
      return node.hgetall(key);
    case 'set':
      return node.smembers(key);
    default:
      throw new Error(`Unexpected type of key ${key}: ${type}`);
  }
}
