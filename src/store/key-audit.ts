import type { Redis } from 'ioredis';

import type { Buckets } from './buckets.js';
import repairSessions from './lua/repair-sessions.lua.js';
import repairUserSet from './lua/repair-user-set.lua.js';
import scanIndex from './lua/scan-index.lua.js';
import { isAccessDenied } from './redis-errors.js';
import { keyPattern, parseKey } from './redis-keys.js';
import { script } from './scripts.js';
import { parseExpiryMember, type ExpiryMember } from './session-id.js';
import { SEPARATOR } from './session-record.js';

/** The scripts that only the audit runs. */
export const auditScripts = {
  scanIndex: script('scan-index', scanIndex),
  repairSessions: script('repair-sessions', repairSessions),
  repairUserSet: script('repair-user-set', repairUserSet),
};

/** Members of the expiry index or of a user's set that a scan looks at in one step. */
const SCAN_PAGE = 500;
/** Keys that SCAN looks at in one step, whatever they are. */
const KEY_PAGE = 1_000;
/** Sessions that one script looks at: bounds how long Redis is blocked (low milliseconds). */
const SCRIPT_BATCH = 250;

/** Whether a script only reports what is wrong, or corrects it as well. */
export type RepairMode = 'find' | 'repair';

/** A page of a bucket's expiry index. */
export interface IndexPage {
  /** The server that gave the cursor. On any other one, the scan starts again. */
  server: string;
  /** Where the next page begins; `'0'` after the last one. */
  cursor: string;
  members: ExpiryMember[];
}

/** The sessions and users of a page of keys, by bucket. */
export interface KeyPage {
  cursor: string;
  /** Digests of sessions that have a record. */
  records: Map<number, string[]>;
  /** IDs of users that have a set. */
  users: Map<number, string[]>;
}

/** A session to look at. Its user is `''` if only the record knows it. */
export type SessionToCheck = Pick<ExpiryMember, 'digest' | 'userId'>;

/** Members of a user's set. */
export interface UserSetMembers {
  userId: string;
  digests: string[];
}

/** A live session that an index didn't have at its expiry. */
export interface WrongSession extends ExpiryMember {
  missingIn: 'expiry-index' | 'user-set' | 'both';
}

/** What the audit reads of a bucket's keys, and how it corrects them. */
export class KeyAudit {
  constructor(private readonly buckets: Buckets) {}

  /** A page of a bucket's expiry index. Pages from the first to the last contain each lasting member. */
  async scanIndex(bucket: number, cursor = '0', server = ''): Promise<IndexPage> {
    const { expiryIndex } = this.buckets.keysOf(bucket);
    const args = [cursor, server, SCAN_PAGE];
    const reply = await this.buckets.redis.run(auditScripts.scanIndex, [expiryIndex], args);
    const [from, next, members] = reply as [string, string, string[]];
    return { server: from, cursor: String(next), members: members.map(parseExpiryMember) };
  }

  /** All pages of a bucket's expiry index. */
  async *indexPages(bucket: number): AsyncGenerator<ExpiryMember[]> {
    let [cursor, server] = ['0', ''];
    do {
      const page = await this.scanIndex(bucket, cursor, server);
      ({ cursor, server } = page);
      yield page.members;
    } while (cursor !== '0');
  }

  /** The servers that have keys: on a Cluster, all masters. */
  servers(): Redis[] {
    const { client } = this.buckets;
    return 'nodes' in client ? client.nodes('master') : [client];
  }

  /** Names a server until it is restarted. */
  async runIdOf(server: Redis): Promise<string> {
    try {
      const info = await this.buckets.redis.bounded(server.info('server'));
      return /^run_id:(\w+)/m.exec(info)?.[1] ?? '';
    } catch (error) {
      if (!isAccessDenied(error)) throw error;
      return `${server.options.host}:${server.options.port}`;
    }
  }

  /** A page of a server's keys. */
  async scanKeys(server: Redis, cursor: string): Promise<KeyPage> {
    const { redis, prefix, count } = this.buckets;
    const [next, keys] = await redis.bounded(
      server.scan(cursor, 'MATCH', keyPattern(prefix), 'COUNT', KEY_PAGE),
    );
    const page: KeyPage = { cursor: String(next), records: new Map(), users: new Map() };
    for (const key of keys) {
      const parsed = parseKey(prefix, key);
      if (!parsed || parsed.bucket >= count) continue;
      const group = parsed.kind === 's' ? page.records : page.users;
      group.set(parsed.bucket, [...(group.get(parsed.bucket) ?? []), parsed.name]);
    }
    return page;
  }

  /** The members of these users' sets that have no record. */
  async withoutRecord(bucket: number, users: string[]): Promise<UserSetMembers[]> {
    const absent: UserSetMembers[] = [];
    let open = users.map((userId) => ({ userId, cursor: '0' }));
    while (open.length > 0) {
      const pages = await Promise.all(open.map((set) => this.scanUserSet(bucket, set)));
      const members = pages.flatMap(({ digests }) => digests);
      const alive = members.length > 0 ? await this.buckets.areAlive(bucket, members) : [];
      const dead = new Set(members.filter((_, i) => !alive[i]));
      for (const { userId, digests } of pages) {
        const found = digests.filter((digest) => dead.has(digest));
        if (found.length > 0) absent.push({ userId, digests: found });
      }
      open = pages.filter(({ cursor }) => cursor !== '0');
    }
    return absent;
  }

  private async scanUserSet(
    bucket: number,
    { userId, cursor }: { userId: string; cursor: string },
  ) {
    const { client, redis } = this.buckets;
    const set = this.buckets.keysOf(bucket).userSet(userId);
    const [next, found] = await redis.bounded(client.zscan(set, cursor, 'COUNT', SCAN_PAGE));
    const digests = found.filter((_, i) => i % 2 === 0); // the others are their scores
    return { userId, cursor: String(next), digests };
  }

  /** The live ones of these sessions that an index doesn't have; in mode `repair`, it has them now. */
  async checkSessions(
    bucket: number,
    mode: RepairMode,
    sessions: SessionToCheck[],
  ): Promise<WrongSession[]> {
    const keys = this.buckets.keysOf(bucket);
    const wrong: WrongSession[] = [];
    for (const batch of batchesOf(sessions)) {
      const declared = batch.flatMap(({ digest, userId }) => [
        keys.session(digest),
        userId === '' ? keys.session(digest) : keys.userSet(userId),
      ]);
      const reply = await this.buckets.redis.run(
        auditScripts.repairSessions,
        [keys.expiryIndex, keys.outbox, ...declared],
        [keys.base, mode, ...batch.flatMap(({ digest, userId }) => [digest, userId])],
      );
      wrong.push(...(reply as string[]).map(toWrongSession));
    }
    return wrong;
  }

  /**
   * The stale ones of these members of a user's set; in mode `repair`, they are removed.
   *
   * @param sweptUntil up to when the bucket is swept (ms since 1970)
   */
  async checkUserSet(
    bucket: number,
    mode: RepairMode,
    set: UserSetMembers & { sweptUntil: number },
  ): Promise<string[]> {
    const keys = this.buckets.keysOf(bucket);
    const stale: string[] = [];
    for (const batch of batchesOf(set.digests)) {
      const reply = await this.buckets.redis.run(
        auditScripts.repairUserSet,
        [
          keys.expiryIndex,
          keys.outbox,
          keys.userSet(set.userId),
          ...batch.map((digest) => keys.session(digest)),
        ],
        [keys.base, mode, set.sweptUntil, ...batch],
      );
      stale.push(...(reply as string[]));
    }
    return stale;
  }
}

function* batchesOf<T>(items: T[]): Generator<T[]> {
  for (let from = 0; from < items.length; from += SCRIPT_BATCH) {
    yield items.slice(from, from + SCRIPT_BATCH);
  }
}

function toWrongSession(reply: string): WrongSession {
  const [digest, userId, createdAt, missingIn] = reply.split(SEPARATOR);
  return {
    digest: digest!,
    userId: userId!,
    createdAt: Number(createdAt),
    missingIn: missingIn as WrongSession['missingIn'],
  };
}
