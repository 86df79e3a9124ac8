import type { Evidence } from './checker/evidence.js';
import type { Call } from './history.js';

/** The calls about one session and its records, one line each, in chronological order. */
export function formatHistory(handle: string, calls: Call[], evidence: Evidence): string[] {
  const lines: [at: number, text: string][] = [];
  const events = evidence.events.filter((event) => event.handle === handle);
  const live = evidence.live.find((session) => session.handle === handle);
  const userId = events[0]?.userId ?? live?.userId;
  for (const call of calls) {
    if (isAbout(call, handle, userId, events[0]?.sessionCreatedAt ?? 0)) {
      lines.push([call.startedAt, formatCall(call, handle)]);
    }
  }
  for (const event of events) {
    const by = event.actor ? ` by ${event.actor}` : '';
    const text = `record ${event.chain}/${event.seq} ${event.event} ${event.reason ?? ''}${by}`;
    lines.push([event.occurredAt, text]);
  }
  const first = Math.min(...lines.map(([at]) => at));
  return [
    ...lines
      .toSorted(([a], [b]) => a - b)
      .map(([at, text]) => `  ${`${(at - first).toFixed(1)} ms`.padStart(14)}  ${text}`),
    `  at the end: ${live ? 'live' : 'not'} in Redis`,
  ];
}

function isAbout(
  { operation, answer }: Call,
  handle: string,
  userId: string | null | undefined,
  since: number,
): boolean {
  if ('handle' in operation && operation.handle === handle) return true;
  if (answer?.ok && 'created' in answer.value && answer.value.created.handle === handle) {
    return true;
  }
  if (operation.op === 'list' && answer?.ok && 'handles' in answer.value) {
    return answer.value.handles.includes(handle);
  }
  return operation.op === 'destroyAll' && operation.userId === userId && since > 0;
}

function formatCall(
  { n, process, operation, startedAt, endedAt, answer }: Call,
  handle: string,
): string {
  const role = 'handle' in operation && operation.handle === handle ? '' : ' (of its user)';
  const took = endedAt === null ? '' : ` in ${(endedAt - startedAt).toFixed(1)} ms`;
  return `call c${n} in ${process}: ${operation.op}${role} -> ${formatAnswer(answer)}${took}`;
}

function formatAnswer(answer: Call['answer']): string {
  if (!answer) return 'no answer';
  if (!answer.ok) return answer.code;
  if ('live' in answer.value) return answer.value.live ? 'live' : 'over';
  if ('created' in answer.value) return `created ${answer.value.created.handle}`;
  return 'handles' in answer.value ? 'listed' : 'done';
}
