import { describe, expect, it } from '@jest/globals';
import { Queue, type ConnectionOptions } from 'bullmq';

import type { AuditState } from '../../../src/audit/reconcile/audit-state.js';
import type { NightlyAudit } from '../../../src/audit/reconcile/nightly-audit.js';
import type { Session } from '../../../src/index.js';
import { bucketOf, parseHandle } from '../../../src/store/session-id.js';
import { eventually } from '../../support/eventually.js';
import type { NestProcess } from '../../support/nest-application.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';
import { startApplication } from './application-process.js';
import { createSessions } from './sessions.js';
import { useAuditParts } from './use-audit-parts.js';

const BUCKETS = 2;
const WEB = { buckets: BUCKETS, audit: { worker: false } };
const WORKER = { buckets: BUCKETS };
/** Several pages of each of the three lists. */
const MANY = 2_600;

type Stored = AuditState & { owner: string; leaseUntil: number };

describe('The nightly audit', () => {
  const fixture = useLedger();
  const partsOf = useAuditParts();

  /** An application whose sessions are recorded. */
  const prepare = async (count = MANY) => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    const sessions = await createSessions(web, count);
    await web.audit.flush();
    const audit = () => partsOf(trail, web).nightlyAudit;
    return { trail, web, sessions, audit };
  };
  const storedIn = async (trail: Trail): Promise<Stored | null> => {
    const [row] = await trail.rows<{ state: string | null }>(
      'SELECT audit_position AS state FROM session_ledger',
    );
    return row!.state === null ? null : (JSON.parse(row!.state) as Stored);
  };
  const requestAudit = async ({ prefix }: Trail) => {
    const connection = { url: fixture.redis.servers[0]!.url, disconnectTimeout: 0 };
    const queue = new Queue('session-ledger', {
      connection: connection as ConnectionOptions,
      prefix: `{${prefix}:jobs}`,
    });
    await queue.add('reconcile', {});
    await queue.close();
  };
  /** Runs the audit and does `work` in the pause after the given page. */
  const runAnd = async (audit: NightlyAudit, page: number, work: () => unknown) => {
    let pages = 0;
    const run = await audit.continue({
      pause: async () => {
        pages += 1;
        if (pages === page) await work();
      },
    });
    return { run, pages };
  };
  const loseFromUserSet = async ({ buckets }: NestProcess, { handle, userId }: Session) => {
    const { bucket, digest } = parseHandle(handle, BUCKETS)!;
    await buckets.client.zrem(buckets.keysOf(bucket).userSet(userId), digest);
  };
  const kindsOf = async ({ audit }: NestProcess) =>
    (await audit.incidents({ limit: 1_000 })).map(({ kind }) => kind);

  it('it pauses four times as long as each page took, and a command without pace never', async () => {
    const { trail, web, audit } = await prepare(1_200);
    let [paused, worked, since] = [0, 0, performance.now()];
    const states: AuditState[] = [];
    await audit().begin();
    await audit().continue({
      onPage: (state) => states.push(structuredClone(state)),
      pause: async (ms) => {
        worked += performance.now() - since;
        paused += ms;
        since = performance.now();
      },
    });
    expect(states.length).toBeGreaterThan(6);
    // The time between the pauses also has the little that the loop itself takes.
    expect(paused / worked).toBeGreaterThan(3);
    expect(paused / worked).toBeLessThanOrEqual(4);
    expect(new Set(states.map(({ position }) => position.phase))).toEqual(
      new Set(['count', 'index', 'keys', 'done']),
    );

    const unpaced = partsOf(trail, web).reconciler;
    const pause = () => Promise.reject(new Error('paused'));
    expect(await unpaced.runOnce({ pause })).toMatchObject({ checked: 1_200 });
  });

  it('an audit that is stopped goes on where it was, in another process', async () => {
    const { trail, web, audit } = await prepare();
    await audit().begin();
    const whole = await runAnd(audit(), 0, () => undefined);
    expect(await storedIn(trail)).toBeNull();
    expect((await web.audit.health()).auditedAt).toBeInstanceOf(Date);

    await audit().begin();
    let pages = 0;
    // Stopped once in each of the three lists.
    for (const phase of ['count', 'index', 'keys']) {
      const stopping = new AbortController();
      const stopped = audit().continue({
        signal: stopping.signal,
        onPage: ({ position }) => position.phase === phase && stopping.abort(),
        pause: async (_, signal) => {
          pages += 1;
          signal.throwIfAborted();
        },
      });
      await expect(stopped).rejects.toThrow('aborted');
      expect(await storedIn(trail)).toMatchObject({ position: { phase }, leaseUntil: 0 });
    }
    const rest = await runAnd(audit(), 0, () => undefined);
    expect(pages + rest.pages).toBe(whole.pages);
    expect(rest.run!.state).toMatchObject({
      report: { checked: MANY, missing: 0, repaired: 0 },
      isComplete: true,
      seen: whole.run!.state.seen,
    });
  });

  it('a worker that is killed in the middle is replaced by another one, which goes on', async () => {
    const { trail, web } = await prepare(6_000);
    const worker = await startApplication({
      redis: fixture.redis.servers[0]!.url,
      database: trail.databaseUrl,
      prefix: trail.prefix,
      ...WORKER,
    });
    await requestAudit(trail);
    await eventually(async () => expect((await storedIn(trail))!.seen).toBeGreaterThan(1_000));
    await worker.kill();
    const killed = (await storedIn(trail))!;
    expect(killed).toMatchObject({ position: { phase: expect.not.stringContaining('done') } });

    await trail.start(WORKER);
    const seen: Stored[] = [];
    await eventually(async () => {
      const stored = await storedIn(trail);
      if (stored && stored.owner !== killed.owner) seen.push(stored);
      expect(stored).toBeNull();
    }, 60_000);
    expect(seen.length).toBeGreaterThan(0);
    expect(Math.min(...seen.map((state) => state.seen))).toBeGreaterThanOrEqual(killed.seen);
    expect(Math.max(...seen.map(({ report }) => report.checked))).toBeLessThanOrEqual(6_000);
    expect((await web.audit.health()).auditedAt).toBeInstanceOf(Date);
  }, 120_000);

  it('a shutdown stops it, and leaves it to the next worker at once', async () => {
    const { trail, web } = await prepare(6_000);
    const worker = await trail.start(WORKER);
    await requestAudit(trail);
    await eventually(async () => expect((await storedIn(trail))!.seen).toBeGreaterThan(500));
    await worker.close();
    const stopped = (await storedIn(trail))!;
    expect(stopped.leaseUntil).toBe(0);

    await trail.start(WORKER);
    await eventually(async () => expect(await storedIn(trail)).toBeNull(), 60_000);
    expect((await web.audit.health()).auditedAt).toBeInstanceOf(Date);
  }, 120_000);

  it('a Redis that is frozen for longer than its timeout does not end it', async () => {
    const { trail } = await prepare();
    const impatient = await trail.start({ ...WEB, redisTimeout: 300 });
    const audit = () => partsOf(trail, impatient).nightlyAudit;
    const [server] = fixture.redis.servers;
    for (const page of [2, 8, 14]) {
      await audit().begin();
      const { run } = await runAnd(audit(), page, () => {
        server!.pause();
        setTimeout(() => server!.resume(), 1_500);
      });
      expect(run!.errors).toEqual([]);
      expect(run!.state).toMatchObject({ isComplete: true, report: { checked: MANY, missing: 0 } });
    }
  }, 60_000);

  it('a Postgres that is restarted meanwhile does not end it', async () => {
    const { audit } = await prepare();
    await audit().begin();
    const { run } = await runAnd(audit(), 4, async () => {
      await fixture.postgres.kill();
      setTimeout(() => void fixture.postgres.restart(), 500);
    });
    expect(run!.state).toMatchObject({ isComplete: true, report: { checked: MANY, missing: 0 } });
  }, 60_000);

  it('of two workers one runs it, and each repair is made once', async () => {
    const { web, sessions, audit } = await prepare();
    await loseFromUserSet(web, sessions[0]!);
    await audit().begin();
    await audit().begin(); // changes nothing while one is under way
    const others: unknown[] = [];
    const askOthers = async () => others.push(await audit().continue(), await audit().continue());
    const runs = await Promise.all([runAnd(audit(), 3, askOthers), audit().continue()]);
    const { run } = runs[0];
    // The claim is one statement, so whichever asked first has it.
    const [winner, loser] = run ? [run, runs[1]] : [runs[1], run];
    expect(winner!.state.report).toMatchObject({ checked: MANY, repaired: 1 });
    expect(loser).toBeNull();
    expect(others.filter((each) => each !== null)).toEqual([]);
    expect(await kindsOf(web)).toEqual(['repaired', 'bound']);
    expect(await audit().continue()).toBeNull();
  });

  it('a worker whose claim another one has taken over stops, and nothing counts twice', async () => {
    const { trail, web, sessions, audit } = await prepare();
    await loseFromUserSet(web, sessions[0]!);
    await audit().begin();
    let second: Awaited<ReturnType<NightlyAudit['continue']>> = null;
    const first = await runAnd(audit(), 3, async () => {
      // As after 20 s of silence: the first one was frozen.
      await trail.rows(
        `UPDATE session_ledger
         SET audit_position = (audit_position::jsonb || '{"leaseUntil": 0}')::text`,
      );
      second = await audit().continue({ pause: async () => undefined });
    });
    expect(first.run).toBeNull();
    expect(second!.state.report).toMatchObject({ checked: MANY, repaired: 1 });
    expect(await kindsOf(web)).toEqual(['repaired', 'bound']);
    expect(await storedIn(trail)).toBeNull();
  });

  it('a failing bucket keeps no other one from being audited, and it is not complete', async () => {
    const { trail, web, audit } = await prepare(100);
    const [bad, good] = [0, 1].map((bucket) =>
      Array.from({ length: 99 }, (_, n) => `u${n}`).find((id) => bucketOf(id, 2) === bucket),
    ) as [string, string];
    const session = await web.sessions.createSession({ userId: good });
    await web.audit.flush();
    await loseFromUserSet(web, session);
    const { client } = web.buckets;
    await client.set(web.buckets.keysOf(0).userSet(bad), 'of another type');
    await audit().begin();
    const { run } = await runAnd(audit(), 0, () => undefined);
    expect(run!.state).toMatchObject({ skipped: [0], isComplete: false, report: { repaired: 1 } });
    expect(run!.errors).toMatchObject([{ code: 'ERR_SESSION_REDIS_REFUSED' }]);
    expect((await web.audit.health()).auditedAt).toBeNull();

    await loseFromUserSet(web, session);
    await expect(web.audit.reconcile()).rejects.toMatchObject({
      code: 'ERR_SESSION_REDIS_REFUSED',
    });
    expect((await kindsOf(web)).filter((kind) => kind === 'repaired')).toHaveLength(2);
    await client.del(web.buckets.keysOf(0).userSet(bad));
    await web.audit.reconcile();
    expect((await web.audit.health()).auditedAt).toBeInstanceOf(Date);
    expect(await storedIn(trail)).toBeNull();
  });

  it('an emptied Redis ends it before it declares anything lost', async () => {
    const { trail, web, audit } = await prepare(MANY);
    await audit().begin();
    const run = runAnd(audit(), 2, () => fixture.redis.nodes[0]!.flushall());
    await expect(run).rejects.toMatchObject({ code: 'ERR_SESSION_LEDGER_HELD' });
    expect(await trail.rows(`SELECT 1 FROM session_events WHERE event = 'destroyed'`)).toEqual([]);
    expect(await kindsOf(web)).not.toContain('sessions-lost');
  });
});
