import type { Call } from '../history.js';
import type { Breach } from './breach.js';
import type { Case } from './dossier.js';

/** What a disturbed Redis or Postgres may make a call answer. */
const EXCUSES = new Set([
  'ERR_SESSION_REDIS_UNAVAILABLE',
  'ERR_SESSION_DATABASE_UNAVAILABLE',
  'ERR_SESSION_LIMIT',
  'ERR_SESSION_BACKLOG',
  'ERR_SESSION_NOT_FOUND',
]);

/** Only what must write something new may be refused for want of memory. */
const MAY_BE_FULL = new Set(['create', 'update', 'rotate', 'reconcile']);

/** Every error is one that a caller can act on; ending a session is never refused. */
export function checkAnswers({ calls }: Case): Breach[] {
  return calls.flatMap((call) => {
    const { answer, operation, n } = call;
    if (!answer || answer.ok || EXCUSES.has(answer.code)) return [];
    if (answer.code === 'ERR_SESSION_REDIS_FULL' && MAY_BE_FULL.has(operation.op)) return [];
    // A moment that passed while the call was on its way.
    if (answer.code === 'ERR_SESSION_EXPIRES' && hasPassed(call)) return [];
    const handle = 'handle' in operation ? operation.handle : null;
    const text = `call ${n} (${operation.op}) failed: ${answer.code} ${answer.message}`;
    return [{ kind: 'wrong', handle, text } as const];
  });
}

function hasPassed({ operation, endedAt }: Call): boolean {
  return operation.op === 'create' && (operation.until ?? Infinity) <= endedAt!;
}
