import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, it } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import { Redis } from 'ioredis';

import { eventually } from '../../support/eventually.js';
import { useLedger } from '../../support/use-ledger.js';
import type { ProcessOptions, Trail } from '../../support/trail.js';

const PASSWORD = 'a-password';
const ENDED = `
  SELECT count(*)::int AS ended FROM sessions WHERE user_id = $1 AND ended_at IS NOT NULL`;

/** The ACL rules of docs/operations.md, for the keys of a trail. */
function documentedRules({ prefix }: Trail): string[] {
  const docs = readFileSync('docs/operations.md', 'utf8');
  const [, rules] = /^user sessions on >password (.*?)^```/ms.exec(docs) ?? [];
  return rules!.replaceAll('\\\n', ' ').replaceAll('nsl:', `${prefix}:`).trim().split(/\s+/);
}

function recorder(): { lines: string[]; logger: LoggerService } {
  const lines: string[] = [];
  const note = (line: unknown) => void lines.push(String(line));
  const ignore = () => undefined;
  return { lines, logger: { log: ignore, warn: note, error: note, fatal: note, debug: ignore } };
}

describe('A user of Redis with the documented rights', () => {
  const fixture = useLedger();
  const admins: Redis[] = [];
  afterEach(() => admins.splice(0).forEach((admin) => admin.disconnect()));

  /** Opens a trail whose processes sign in to Redis as a user of their own. */
  async function openAs(change: string[] = []) {
    const trail = await fixture.open();
    const { url, port } = fixture.redis.servers[0]!;
    const admin = new Redis(url, { disconnectTimeout: 0 });
    admins.push(admin);
    const user = `user-${trail.prefix}`;
    await admin.acl('SETUSER', user, 'reset', 'on', `>${PASSWORD}`, ...documentedRules(trail));
    if (change.length > 0) await admin.acl('SETUSER', user, ...change);
    await admin.acl('LOG', 'RESET');
    const redis = { host: '127.0.0.1', port, username: user, password: PASSWORD };
    const start = (options: ProcessOptions) => trail.start({ redis, buckets: 2, ...options });
    return { trail, admin, start };
  }

  /** What Redis has denied: `command|key of the user`. */
  async function denied(admin: Redis): Promise<string[]> {
    const entries = (await admin.acl('LOG')) as string[][];
    const valueOf = (entry: string[], name: string) => entry[entry.indexOf(name) + 1];
    return entries.map((entry) => `${valueOf(entry, 'reason')} ${valueOf(entry, 'object')}`);
  }

  it('is denied nothing that the module, its jobs and its operators do', async () => {
    const { trail, admin, start } = await openAs();
    const { lines, logger } = recorder();
    const web = await start({ audit: { worker: false }, idleTimeout: '1h', maxSessionsPerUser: 3 });
    const worker = await start({ logger });
    const { sessions } = web;
    const ada = await sessions.createSession({ userId: 'ada', data: { theme: 'dark' } });
    await Promise.all(Array.from({ length: 5 }, () => sessions.createSession({ userId: 'bob' })));
    await sessions.createSession({ userId: 'eve', expires: 1_000 });
    expect(await sessions.validateSession(ada.id)).toEqual({ id: 'ada' });
    await sessions.updateSessionData(ada.id, { theme: 'light' });
    const rotated = await sessions.rotateSession(ada.id);
    expect(await sessions.listUserSessions('bob')).toHaveLength(3);
    await sessions.destroySession(rotated.id);
    await sessions.invalidateAllUserSessions('bob');
    await eventually(async () => {
      expect(await trail.rows(ENDED, ['eve'])).toEqual([{ ended: 1 }]);
      expect((await worker.audit.health()).backlog).toBe(0);
    }, 10_000);
    await worker.audit.reconcile();
    expect((await worker.audit.verify()).valid).toBe(true);
    await worker.close();
    await web.close();
    expect(await denied(admin)).toEqual([]);
    expect(lines.filter((line) => !line.includes('appendonly is off'))).toEqual([]);
  });

  it.each([
    ['flushall'],
    ['config', 'get', '*'],
    ['keys', '*'],
    ['shutdown'],
    ['acl', 'list'],
    ['get', 'other'],
  ])('may do nothing else: %s', async (...command) => {
    const { trail, admin } = await openAs();
    const answer = await admin.call('ACL', 'DRYRUN', `user-${trail.prefix}`, ...command);
    expect(answer).toMatch(/has no permissions to/);
  });

  it('without INFO and ROLE starts with a warning for each', async () => {
    const { start } = await openAs(['-info', '-role', '-config']);
    const { lines, logger } = recorder();
    const app = await start({ logger });
    await app.sessions.createSession({ userId: 'ada' });
    await eventually(async () => expect((await app.audit.health()).backlog).toBe(0), 10_000);
    expect(lines.filter((line) => line.includes('may not'))).toEqual([
      expect.stringContaining('may not run INFO'),
      expect.stringContaining('may not run ROLE'),
    ]);
  });

  it('without the keys of the queue reports it, and the events are recorded all the same', async () => {
    const { trail, start } = await openAs();
    const { url } = fixture.redis.servers[0]!;
    const admin = new Redis(url, { disconnectTimeout: 0 });
    admins.push(admin);
    const keys = ['resetkeys', `~${trail.prefix}:*`];
    await admin.acl('SETUSER', `user-${trail.prefix}`, ...keys);
    const { lines, logger } = recorder();
    const app = await start({ logger });
    await app.sessions.createSession({ userId: 'ada' });
    await eventually(async () => expect((await app.audit.health()).backlog).toBe(0), 30_000);
    const reports = lines.filter((line) => line.includes('job queue'));
    expect(reports).toEqual([expect.stringContaining(`{${trail.prefix}:jobs}`)]);
  }, 60_000);

  it('without the right to run scripts does not start, and the error says so', async () => {
    const { start } = await openAs(['-evalsha']);
    await expect(start({})).rejects.toMatchObject({
      code: 'ERR_SESSION_REDIS_UNAVAILABLE',
      message: expect.stringMatching(/NOPERM.*evalsha.*docs\/operations\.md/),
    });
  });
});
