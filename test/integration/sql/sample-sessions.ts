import type { Client } from 'pg';

const FLAWS = [
  'no row',
  'no start',
  'no end',
  'other user',
  'other expiry',
  'other reason',
] as const;

/** A sample session. Times are UTC. */
interface SampleSession {
  token: string;
  user: string;
  created: string;
  /** The absolute expiry. Default: twelve hours after the session was created. */
  expires?: string;
  ended?: string;
  reason?: string;
  by?: string;
  /** Created by a rotation. */
  rotated?: true;
  ip?: string;
  agent?: string;
  /** When its end was recorded. Default: at once. */
  endRecorded?: string;
  /** How its rows in `sessions` and `session_events` disagree. */
  flaw?: (typeof FLAWS)[number];
}

/** A readable handle, as long as a real one. */
export const handle = (chain: number, name: string) =>
  (chain.toString(16).padStart(2, '0') + name).padEnd(45, '_');

/** A time on the day of the sample, 10 March 2026. */
export const at = (time: string) => `2026-03-10 ${time}Z`;
const nextDay = (time: string) => `2026-03-11 ${time}Z`;
const FAR = '2999-01-01Z';

const [alice, bob, carol, dave, mallory, erin] = [3, 10, 15, 1, 6, 4];

/** Sessions on one day, and on the next day those of erin, whose rows were tampered with. */
const samples: SampleSession[] = [
  // alice: a laptop whose session is rotated twice, and a phone that stays signed in
  ...rotations(),
  {
    token: handle(alice, 'alice-phone'),
    user: 'alice',
    created: at('11:30'),
    expires: FAR,
    ip: '198.51.100.7',
    agent: 'iPhone',
  },
  // bob: one session expires, another is revoked
  {
    token: handle(bob, 'bob-desktop'),
    user: 'bob',
    created: at('07:00'),
    ended: at('19:00'),
    reason: 'expired',
    ip: '192.0.2.10',
    agent: 'Chrome',
  },
  {
    token: handle(bob, 'bob-tablet'),
    user: 'bob',
    created: at('10:00'),
    ended: at('10:20'),
    reason: 'revoked',
    by: 'admin:carol',
    ip: '203.0.113.5',
    agent: 'iPad',
  },
  // carol: logs out before noon; dave ends a second session, which is recorded two hours late
  {
    token: handle(carol, 'carol-1'),
    user: 'carol',
    created: at('09:00'),
    ended: at('11:59'),
    reason: 'logout',
    ip: '198.51.100.9',
  },
  {
    token: handle(carol, 'carol-2'),
    user: 'carol',
    created: at('09:15'),
    ended: at('14:00'),
    reason: 'fired',
    by: 'admin:dave',
    endRecorded: at('16:00'),
    ip: '198.51.100.9',
  },
  // dave: three devices, all open
  ...['watch', 'laptop', 'phone'].map((agent, i) => ({
    token: handle(dave, `dave-${agent}`),
    user: 'dave',
    created: at(`12:30:0${i}`),
    expires: FAR,
    ip: '198.51.100.20',
    agent,
  })),
  // mallory tries a list of stolen passwords at night
  ...[1, 2, 3, 4, 5, 6].map((i) => ({
    token: handle(mallory, `victim-${i}`),
    user: `victim${i}`,
    created: at(`03:0${i}`),
    ended: at(`03:0${i}:30`),
    reason: 'logout',
    ip: '203.0.113.66',
    agent: 'curl',
  })),
  // erin: the rows of each session were tampered with in a different way, except erin-fine
  ...FLAWS.map((flaw, i) => ({
    token: handle(erin, `erin-${flaw.replace(' ', '-')}`),
    user: 'erin',
    created: nextDay(`10:0${i}`),
    ended: nextDay(`10:1${i}`),
    reason: 'logout',
    flaw,
  })),
  {
    token: handle(erin, 'erin-fine'),
    user: 'erin',
    created: nextDay('10:08'),
    ended: nextDay('10:18'),
    reason: 'logout',
  },
];

function rotations(): SampleSession[] {
  const laptop = { user: 'alice', expires: at('20:00'), ip: '192.0.2.10', agent: 'Firefox' };
  const token = (i: number) => handle(alice, `alice-laptop-${i}`);
  return [
    { ...laptop, token: token(1), created: at('08:00'), ended: at('09:30'), reason: 'rotated' },
    {
      ...laptop,
      token: token(2),
      created: at('09:30'),
      ended: at('11:00'),
      reason: 'rotated',
      rotated: true,
    },
    {
      ...laptop,
      token: token(3),
      created: at('11:00'),
      ended: at('17:45'),
      reason: 'logout',
      rotated: true,
    },
  ];
}

/** Inserts the sample sessions. The hashes are not valid: no query of the cookbook reads them. */
export async function insertSampleSessions(client: Client): Promise<void> {
  const seqs = new Map<number, number>();
  const events = samples.flatMap(eventsOf).toSorted((a, b) => a.order.localeCompare(b.order));
  for (const { session, event, occurred, recorded } of events) {
    const chain = Number.parseInt(session.token.slice(0, 2), 16);
    const seq = (seqs.get(chain) ?? 0) + 1;
    seqs.set(chain, seq);
    const isEnd = event === 'destroyed';
    await client.query(
      `INSERT INTO session_events (chain, seq, event, token, session_created_at, user_id,
         occurred_at, expires_at, reason, actor, client, recorded_at, hash)
       VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, $5::timestamptz + interval '12 hours'), $9,
         $10, sha256('\\x01' || convert_to($11 || E'\\x1f' || $12, 'UTF8')), $13, sha256('x'))`,
      [
        chain,
        seq,
        event,
        session.token,
        session.created,
        session.user,
        occurred,
        session.expires,
        isEnd ? session.reason : session.rotated && 'rotated',
        isEnd ? session.by : null,
        isEnd ? null : (session.ip ?? ''),
        isEnd ? null : (session.agent ?? ''),
        recorded,
      ],
    );
  }
  for (const session of samples) await insertSession(client, session);
  await client.query(
    `INSERT INTO session_dead_letters (chain, stream_id, raw, sqlstate, reason, redriven_at) VALUES
       (3, '1773144000000-0', 'one', '22021', 'invalid byte sequence', NULL),
       (4, '1773144001000-0', 'two', '22003', 'out of range', now()),
       (5, '1773144002000-0', 'three', NULL, 'not an event', NULL)`,
  );
}

function eventsOf(session: SampleSession) {
  const { ended, endRecorded, flaw, rotated } = session;
  const created = { session, event: 'created', occurred: session.created };
  // A rotation records the end of the old session before the start of the new one.
  const order = `${sortable(session.created)} ${rotated ? 2 : 1}`;
  const events = [{ ...created, recorded: session.created, order }];
  if (ended) {
    const recorded = endRecorded ?? ended;
    const destroyed = { session, event: 'destroyed', occurred: ended, recorded };
    events.push({ ...destroyed, order: `${sortable(recorded)} 1` });
  }
  return events.filter(
    ({ event }) =>
      !(flaw === 'no start' && event === 'created') &&
      !(flaw === 'no end' && event === 'destroyed'),
  );
}

function sortable(time: string): string {
  return new Date(time.replace(' ', 'T')).toISOString();
}

async function insertSession(client: Client, session: SampleSession): Promise<void> {
  const { token, user, created, expires, ended, reason, by, ip, agent, flaw } = session;
  if (flaw === 'no row') return;
  await client.query(
    `INSERT INTO sessions (token, user_id, created_at, expires_at, ended_at, end_reason, ended_by,
       ip, user_agent, client_salt)
     VALUES ($1, $2, $3, coalesce($4, $3::timestamptz + interval '12 hours'), $5, $6, $7, $8, $9,
       '\\x01')`,
    [
      token,
      flaw === 'other user' ? 'mallory' : user,
      created,
      flaw === 'other expiry' ? FAR : expires,
      ended,
      flaw === 'other reason' ? 'expired' : reason,
      by,
      ip,
      agent,
    ],
  );
}
