import type { SessionAudit } from '../../src/index.js';

/** What a test calls of a `SessionAudit`, in Postgres or in memory. */
type Audit = Pick<SessionAudit, keyof SessionAudit>;

/** Calls with an argument of the wrong type or out of range, which plain JavaScript can make. */
export const INVALID_AUDIT_CALLS: [name: string, call: (audit: Audit) => Promise<unknown>][] = [
  ['history with limit 0', (audit) => audit.history('ada', { limit: 0 })],
  ['history with limit 1001', (audit) => audit.history('ada', { limit: 1_001 })],
  ['history with a made-up cursor', (audit) => audit.history('ada', { after: 'gibberish' })],
  ['history with a number as cursor', (audit) => audit.history('ada', { after: 7 as never })],
  ['history with null as page', (audit) => audit.history('ada', null as never)],
  ['history of nobody', (audit) => audit.history(undefined as never)],
  ['history of an object', (audit) => audit.history({} as never)],
  ['activeAt an invalid Date', (audit) => audit.activeAt(new Date(Number.NaN))],
  ['activeAt a text', (audit) => audit.activeAt('2026-11-25' as never)],
  ['deadLetters with limit -1', (audit) => audit.deadLetters({ limit: -1 })],
  ['deadLetters with limit 1.5', (audit) => audit.deadLetters({ limit: 1.5 })],
  ['deadLetters after a text', (audit) => audit.deadLetters({ after: "1'; --" })],
  ['incidents with limit 0', (audit) => audit.incidents({ limit: 0 })],
  ['incidents before 2^63', (audit) => audit.incidents({ before: String(2n ** 63n) })],
  ['incidents with a text as page', (audit) => audit.incidents('7' as never)],
  ['verify of chain 300', (audit) => audit.verify({ chain: 300 })],
  ['verify of chain -1', (audit) => audit.verify({ chain: -1 })],
  ['verify of chain 1.5', (audit) => audit.verify({ chain: 1.5 })],
  ['verify from a number', (audit) => audit.verify({ fromSeq: 5 as never })],
  ['verify from seq 0', (audit) => audit.verify({ fromSeq: 0n })],
  ['verify of an inverted range', (audit) => audit.verify({ fromSeq: 5n, toSeq: 4n })],
  ['verify with a text as range', (audit) => audit.verify('all' as never)],
];
