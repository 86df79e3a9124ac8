import type { Call } from '../history.js';
import type { Violation } from './violation.js';
import { overlaps, type Guarantees } from './guarantees.js';
import type { HistoryIndex } from './session-history.js';

/** Errors that calls may get while Redis or Postgres is disturbed. */
const ALLOWED = new Set([
  'ERR_SESSION_REDIS_UNAVAILABLE',
  'ERR_SESSION_DATABASE_UNAVAILABLE',
  'ERR_SESSION_LIMIT',
  'ERR_SESSION_BACKLOG',
  'ERR_SESSION_NOT_FOUND',
]);

/** Only these may be rejected when Redis is out of memory, because they write something new. */
const MAY_BE_FULL = new Set(['create', 'update', 'rotate', 'reconcile', 'acceptLosses', 'adopt']);

/** Every error must be one that a caller can act on. Ending a session is never rejected. */
export function checkAnswers({ calls, guarantees }: HistoryIndex): Violation[] {
  return calls.flatMap((call) => {
    const { answer, operation, n } = call;
    if (!answer || answer.ok || ALLOWED.has(answer.code)) return [];
    if (answer.code === 'ERR_SESSION_REDIS_FULL' && MAY_BE_FULL.has(operation.op)) return [];
    if (answer.code === 'ERR_SESSION_LEDGER_HELD' && isDuringHold(call, guarantees)) return [];
    // The requested expiry passed before Redis executed the call.
    if (answer.code === 'ERR_SESSION_EXPIRES' && hasPassed(call)) return [];
    const handle = 'handle' in operation ? operation.handle : null;
    const text = `call ${n} (${operation.op}) failed: ${answer.code} ${answer.message}`;
    return [{ kind: 'wrong', handle, text } as const];
  });
}

function hasPassed({ operation, endedAt }: Call): boolean {
  return operation.op === 'create' && (operation.until ?? Infinity) <= endedAt!;
}

/** The ledger may only be held while Redis is empty, and only what needs the ledger notices it. */
function isDuringHold(call: Call, { damages }: Guarantees): boolean {
  const needsLedger = ['flush', 'reconcile', 'acceptLosses'].includes(call.operation.op);
  return (
    needsLedger &&
    damages.holds.some(({ beganAt, adoptedAt }) => overlaps(call, { from: beganAt, to: adoptedAt }))
  );
}
