import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';

import { eventually } from '../../support/eventually.js';
import { handedOut } from '../../support/handed-out.js';
import { expectNoSessionIdIn, secretsWithin } from '../../support/secret-search.js';
import { entry, place } from './entries.js';
import { countRecords } from './records.js';
import { begin, beginAndEnd } from './sessions.js';
import { useLedger } from './use-ledger.js';

/** A session's life and everything that can go wrong with it: nobody says its ID. */
describe('a session ID', () => {
  const ground = useLedger();
  const said: string[] = [];
  const note = (...words: unknown[]) => void said.push(words.map(inWords).join(' '));
  const logger: LoggerService = {
    log: note,
    error: note,
    warn: note,
    debug: note,
    verbose: note,
    fatal: note,
  };

  beforeAll(() => {
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      jest.spyOn(console, method).mockImplementation(note);
    }
  });
  afterAll(() => void jest.restoreAllMocks());

  it('is in no log line, no error, no job and no table, whatever happens', async () => {
    const trail = await ground.open();
    const app = await trail.start({ buckets: 1, redisTimeout: 500, logger });
    const [ada, bob] = await begin(app, 2);
    await app.sessions.rotateSession(ada!.id);
    await app.sessions.updateSessionData(bob!.id, { theme: 'dark' });
    await place(app, entry({ userAgent: '\0' }));
    await eventually(async () => expect((await countRecords(trail)).created).toBe(3));

    // Calls that take an ID, some of them wrong: now, and again while all goes wrong.
    const calls = [
      () => app.sessions.createSession({ userId: 'eve', expires: -1 }),
      () => app.sessions.updateSessionData(ada!.id, {}),
      () => app.sessions.updateSessionData(bob!.id, { large: 'x'.repeat(20_000) }),
      () => app.sessions.rotateSession(ada!.id),
      () => app.sessions.validateSession(bob!.id),
      () => app.sessions.destroySession(bob!.id, { reason: '' }),
      () => app.sessions.invalidateAllUserSessions('user 1', { except: bob!.id, reason: '' }),
    ];
    const callAll = async () => {
      const results = await Promise.allSettled(calls.map((call) => call()));
      for (const result of results) if (result.status === 'rejected') note(result.reason);
    };
    await callAll();
    await ground.postgres.kill();
    await beginAndEnd(app, 20);
    await callAll();
    await app.audit.health().catch(note);
    await eventually(async () => expect(said.join('\n')).toContain('Postgres'));
    await expectNoSessionIdIn(ground.redis); // with BullMQ's keys, as they are in mid-work
    await ground.postgres.restart();
    await eventually(async () => expect((await countRecords(trail)).created).toBe(23), 30_000);

    ground.redis.servers[0]!.pause();
    await callAll();
    ground.redis.servers[0]!.resume();
    await eventually(() => app.sessions.validateSession(bob!.id));
    await ground.redis.servers[0]!.kill();
    await callAll();
    await ground.redis.servers[0]!.restart();
    await eventually(() => app.sessions.validateSession(bob!.id));
    await app.audit.reconcile();

    expect(said.length).toBeGreaterThan(20);
    const secrets = new Set([...handedOut].map((id) => id.slice(2)));
    expect(said.filter((line) => secretsWithin(line, secrets))).toEqual([]);
  }, 120_000);
});

/** An error with its causes and stack, as a log line would show it at worst. */
function inWords(word: unknown): string {
  if (!(word instanceof Error)) return typeof word === 'string' ? word : JSON.stringify(word);
  const cause = word.cause === undefined ? '' : inWords(word.cause);
  return `${word.stack} ${JSON.stringify({ ...word })} ${cause}`;
}
