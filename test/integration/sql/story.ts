import type { Client } from 'pg';

/** A session of the story, whose answers are known. Times are UTC. */
interface Chapter {
  token: string;
  user: string;
  began: string;
  /** The hard end; twelve hours after the beginning unless given. */
  expires?: string;
  ended?: string;
  reason?: string;
  by?: string;
  /** Begun by a rotation. */
  rotated?: true;
  ip?: string;
  agent?: string;
  /** When its end was recorded, where that wasn't at once. */
  endRecorded?: string;
  /** What is wrong with it: the tables disagree. */
  flaw?: 'no row' | 'no beginning' | 'no end' | 'other user' | 'other end' | 'other reason';
}

/** A handle that can be read. */
export const handle = (chain: number, name: string) =>
  (chain.toString(16).padStart(2, '0') + name).padEnd(45, '_');

/** A moment of the story's day, 10 March 2026. */
export const at = (time: string) => `2026-03-10 ${time}Z`;
const nextDay = (time: string) => `2026-03-11 ${time}Z`;
const FAR = '2999-01-01Z';

const [alice, bob, carol, dave, mallory, erin] = [3, 10, 15, 1, 6, 4];

/** Ten people on one day, and what was done to erin's rows on the next. */
const story: Chapter[] = [
  // alice: a laptop whose session is rotated twice, and a phone that stays signed in
  ...rotations(),
  {
    token: handle(alice, 'alice-phone'),
    user: 'alice',
    began: at('11:30'),
    expires: FAR,
    ip: '198.51.100.7',
    agent: 'iPhone',
  },
  // bob: one session runs its full time, another is revoked
  {
    token: handle(bob, 'bob-desktop'),
    user: 'bob',
    began: at('07:00'),
    ended: at('19:00'),
    reason: 'expired',
    ip: '192.0.2.10',
    agent: 'Chrome',
  },
  {
    token: handle(bob, 'bob-tablet'),
    user: 'bob',
    began: at('10:00'),
    ended: at('10:20'),
    reason: 'revoked',
    by: 'admin:carol',
    ip: '203.0.113.5',
    agent: 'iPad',
  },
  // carol: logs out before noon; a second session is ended by dave, recorded two hours late
  {
    token: handle(carol, 'carol-1'),
    user: 'carol',
    began: at('09:00'),
    ended: at('11:59'),
    reason: 'logout',
    ip: '198.51.100.9',
  },
  {
    token: handle(carol, 'carol-2'),
    user: 'carol',
    began: at('09:15'),
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
    began: at(`12:30:0${i}`),
    expires: FAR,
    ip: '198.51.100.20',
    agent,
  })),
  // mallory tries a list of passwords by night
  ...[1, 2, 3, 4, 5, 6].map((i) => ({
    token: handle(mallory, `victim-${i}`),
    user: `victim${i}`,
    began: at(`03:0${i}`),
    ended: at(`03:0${i}:30`),
    reason: 'logout',
    ip: '203.0.113.66',
    agent: 'curl',
  })),
  // erin's rows were tampered with, each in another way; erin-fine was not
  ...(['no row', 'no beginning', 'no end', 'other user', 'other end', 'other reason'] as const).map(
    (flaw, i) => ({
      token: handle(erin, `erin-${flaw.replace(' ', '-')}`),
      user: 'erin',
      began: nextDay(`10:0${i}`),
      ended: nextDay(`10:1${i}`),
      reason: 'logout',
      flaw,
    }),
  ),
  {
    token: handle(erin, 'erin-fine'),
    user: 'erin',
    began: nextDay('10:08'),
    ended: nextDay('10:18'),
    reason: 'logout',
  },
];

function rotations(): Chapter[] {
  const laptop = { user: 'alice', expires: at('20:00'), ip: '192.0.2.10', agent: 'Firefox' };
  const token = (i: number) => handle(alice, `alice-laptop-${i}`);
  return [
    { ...laptop, token: token(1), began: at('08:00'), ended: at('09:30'), reason: 'rotated' },
    {
      ...laptop,
      token: token(2),
      began: at('09:30'),
      ended: at('11:00'),
      reason: 'rotated',
      rotated: true,
    },
    {
      ...laptop,
      token: token(3),
      began: at('11:00'),
      ended: at('17:45'),
      reason: 'logout',
      rotated: true,
    },
  ];
}

/** Writes the story into the tables. The hashes are not those of a chain: no question asks them. */
export async function tellStory(client: Client): Promise<void> {
  const seqs = new Map<number, number>();
  const events = story.flatMap(eventsOf).toSorted((a, b) => a.order.localeCompare(b.order));
  for (const { chapter, event, occurred, recorded } of events) {
    const chain = Number.parseInt(chapter.token.slice(0, 2), 16);
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
        chapter.token,
        chapter.began,
        chapter.user,
        occurred,
        chapter.expires,
        isEnd ? chapter.reason : chapter.rotated && 'rotated',
        isEnd ? chapter.by : null,
        isEnd ? null : (chapter.ip ?? ''),
        isEnd ? null : (chapter.agent ?? ''),
        recorded,
      ],
    );
  }
  for (const chapter of story) await writeSession(client, chapter);
  await client.query(
    `INSERT INTO session_dead_letters (chain, stream_id, raw, sqlstate, reason, redriven_at) VALUES
       (3, '1773144000000-0', 'one', '22021', 'invalid byte sequence', NULL),
       (4, '1773144001000-0', 'two', '22003', 'out of range', now()),
       (5, '1773144002000-0', 'three', NULL, 'not an event', NULL)`,
  );
}

function eventsOf(chapter: Chapter) {
  const { began, ended, endRecorded, flaw, rotated } = chapter;
  // An end by rotation stands before the beginning that belongs to it.
  const created = { chapter, event: 'created', occurred: began, recorded: began };
  const events = [{ ...created, order: `${sortable(began)} ${rotated ? 2 : 1}` }];
  if (ended) {
    const recorded = endRecorded ?? ended;
    const destroyed = { chapter, event: 'destroyed', occurred: ended, recorded };
    events.push({ ...destroyed, order: `${sortable(recorded)} 1` });
  }
  return events.filter(
    ({ event }) =>
      !(flaw === 'no beginning' && event === 'created') &&
      !(flaw === 'no end' && event === 'destroyed'),
  );
}

function sortable(moment: string): string {
  return new Date(moment.replace(' ', 'T')).toISOString();
}

async function writeSession(client: Client, chapter: Chapter): Promise<void> {
  const { token, user, began, expires, ended, reason, by, ip, agent, flaw } = chapter;
  if (flaw === 'no row') return;
  await client.query(
    `INSERT INTO sessions (token, user_id, created_at, expires_at, ended_at, end_reason, ended_by,
       ip, user_agent, client_salt)
     VALUES ($1, $2, $3, coalesce($4, $3::timestamptz + interval '12 hours'), $5, $6, $7, $8, $9,
       '\\x01')`,
    [
      token,
      flaw === 'other user' ? 'mallory' : user,
      began,
      flaw === 'other end' ? FAR : expires,
      ended,
      flaw === 'other reason' ? 'expired' : reason,
      by,
      ip,
      agent,
    ],
  );
}
