import type { Call } from '../history.js';
import type { Violation } from './violation.js';
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
const MAY_BE_FULL = new Set(['create', 'update', 'rotate', 'reconcile']);

/** Every error must be one that a caller can act on. Ending a session is never rejected. */
export function checkAnswers({ calls }: HistoryIndex): Violation[] {
  return calls.flatMap((call) => {
    const { answer, operation, n } = call;
    if (!answer || answer.ok || ALLOWED.has(answer.code)) return [];
    if (answer.code === 'ERR_SESSION_REDIS_FULL' && MAY_BE_FULL.has(operation.op)) return [];
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
