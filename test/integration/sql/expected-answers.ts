import { at, handle } from './sample-sessions.js';

/** A time as Postgres writes it in JSON. */
const time = (text: string) =>
  new Date(text.replace(' ', 'T')).toISOString().replace(/(\.000)?Z$/, '+00:00');
const t = (clock: string) => time(at(clock));

const laptop = (i: number) => handle(3, `alice-laptop-${i}`);
const phone = handle(3, 'alice-phone');
const erin = (what: string) => handle(4, `erin-${what}`);
const FAR = '2999-01-01T00:00:00+00:00';

/** What the cookbook's queries return for the sample sessions, by heading. */
export const expectedAnswers: Record<string, object[]> = {
  'Who was signed in at noon?': [
    { user_id: 'alice', token: laptop(3), created_at: t('11:00'), until: t('17:45') },
    { user_id: 'alice', token: phone, created_at: t('11:30'), until: FAR, ip: '198.51.100.7' },
    { user_id: 'bob', token: handle(10, 'bob-desktop'), until: t('19:00') },
    { user_id: 'carol', token: handle(15, 'carol-2'), until: t('14:00') },
  ],
  'All sign-ins of a user and how each ended': [
    { created_at: t('11:30'), token: phone, how_it_ended: 'open', ended_at: null },
    { created_at: t('11:00'), token: laptop(3), how_it_ended: 'logout', ended_at: t('17:45') },
    { created_at: t('09:30'), token: laptop(2), how_it_ended: 'rotated', ended_at: t('11:00') },
    { created_at: t('08:00'), token: laptop(1), how_it_ended: 'rotated', ended_at: t('09:30') },
  ],
  'Sessions from one address': [
    { user_id: 'bob', created_at: t('07:00'), user_agent: 'Chrome', ended_at: t('19:00') },
    { user_id: 'alice', created_at: t('08:00'), token: laptop(1) },
    { user_id: 'alice', created_at: t('09:30'), token: laptop(2) },
    { user_id: 'alice', created_at: t('11:00'), token: laptop(3) },
  ],
  'Addresses that signed in as many users': [
    { ip: '203.0.113.66', users: 6, first: t('03:01'), last: t('03:06') },
  ],
  'Concurrent sessions of a user over time': [
    { moment: t('08:00'), sessions: 1 },
    { moment: t('09:30'), sessions: 1 },
    { moment: t('11:00'), sessions: 1 },
    { moment: t('11:30'), sessions: 2 },
    { moment: t('17:45'), sessions: 1 },
  ],
  // alice's two, bob's desktop, carol's second session and dave's three
  'Peak number of sessions on a day': [{ moment: t('12:30:02'), sessions: 7 }],
  'Sessions that lasted longer than eight hours': [
    { user_id: 'bob', token: handle(10, 'bob-desktop'), lived: '12:00:00' },
  ],
  'Who ended whose sessions': [
    { actor: 'admin:carol', user_id: 'bob', reason: 'revoked', sessions: 1, first: t('10:20') },
    { actor: 'admin:dave', user_id: 'carol', reason: 'fired', sessions: 1, first: t('14:00') },
  ],
  'Sign-ins per hour': [
    { hour: t('03:00'), sign_ins: 6, users: 6 },
    { hour: t('07:00'), sign_ins: 1, users: 1 },
    { hour: t('08:00'), sign_ins: 1, users: 1 },
    { hour: t('09:00'), sign_ins: 2, users: 1 },
    { hour: t('10:00'), sign_ins: 1, users: 1 },
    { hour: t('11:00'), sign_ins: 1, users: 1 },
    { hour: t('12:00'), sign_ins: 3, users: 1 },
  ],
  'End reasons per day': [
    { day: t('00:00'), reason: 'expired', ends: 1 },
    { day: t('00:00'), reason: 'fired', ends: 1 },
    { day: t('00:00'), reason: 'logout', ends: 8 },
    { day: t('00:00'), reason: 'revoked', ends: 1 },
    { day: t('00:00'), reason: 'rotated', ends: 2 },
    { day: time('2026-03-11 00:00Z'), reason: 'logout', ends: 6 },
  ],
  'Sessions still open': [
    { user_id: 'alice', token: phone, overdue: false },
    { user_id: 'dave', token: handle(1, 'dave-watch'), overdue: false },
    { user_id: 'dave', token: handle(1, 'dave-laptop'), overdue: false },
    { user_id: 'dave', token: handle(1, 'dave-phone'), overdue: false },
  ],
  'Users with the most devices': [
    { user_id: 'dave', sessions: 3, devices: 3 },
    { user_id: 'alice', sessions: 1, devices: 1 },
  ],
  'A session in the ledger': [
    { chain: 10, seq: 2, event: 'created', occurred_at: t('10:00'), user_id: 'bob', actor: null },
    {
      seq: 3,
      event: 'destroyed',
      occurred_at: t('10:20'),
      reason: 'revoked',
      actor: 'admin:carol',
    },
  ],
  'The rotations of a session': [
    { created: t('08:00'), token: laptop(1) },
    { created: t('09:30'), token: laptop(2) },
    { created: t('11:00'), token: laptop(3) },
  ],
  'Ends that were recorded late': [
    { occurred_at: t('14:00'), late_by: '02:00:00', user_id: 'carol', reason: 'fired' },
  ],
  'Rows that disagree with the ledger': [
    { token: erin('no-end'), disagreement: 'ended, but not in the ledger' },
    { token: erin('no-row'), disagreement: 'created, but not in sessions' },
    { token: erin('no-row'), disagreement: 'ended, but not in sessions' },
    { token: erin('no-start'), disagreement: 'created, but not in the ledger' },
    { token: erin('other-expiry'), disagreement: 'different absolute expiry' },
    { token: erin('other-reason'), disagreement: 'different reason or actor' },
    { token: erin('other-user'), disagreement: 'different user' },
  ],
  'Dead letters': [
    { chain: 3, occurred: '2026-03-10T12:00:00+00:00', sqlstate: '22021' },
    { chain: 5, occurred: '2026-03-10T12:00:02+00:00', sqlstate: null, reason: 'not an event' },
  ],
};
