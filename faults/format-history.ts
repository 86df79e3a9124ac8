import type { Fault } from './campaign.js';
import type { Evidence } from './checker/evidence.js';
import type { Call } from './history.js';
import type { Damages } from './checker/guarantees.js';
import { bucketOf } from './checker/session-history.js';

/** How long before and after a session's history faults and incidents may explain it (ms). */
const AROUND = 3_000;

/**
 * The calls about one session and its records, one line each, in chronological order, and what
 * happened around them.
 */
export function formatHistory(
  handle: string,
  { history, evidence, faults, damages }: Happenings,
): string[] {
  const lines = linesAbout(handle, history.calls, evidence);
  const moments = lines.map(([at]) => at);
  const [first, last] = [Math.min(...moments), Math.max(...moments)];
  const around = linesAround(handle, evidence, faults, damages).filter(
    ([from, , to = from]) => to > first - AROUND && from < last + AROUND,
  );
  const live = evidence.live.find((session) => session.handle === handle);
  return [
    ...[...lines, ...around]
      .toSorted(([a], [b]) => a - b)
      .map(([at, text]) => `  ${`${(at - first).toFixed(1)} ms`.padStart(14)}  ${text}`),
    `  at the end: ${live ? 'live' : 'not'} in Redis`,
  ];
}

export interface Happenings {
  history: { calls: Call[] };
  evidence: Evidence;
  faults: Fault[];
  damages: Damages;
}

type Line = [at: number, text: string, until?: number];

function linesAbout(handle: string, calls: Call[], evidence: Evidence): Line[] {
  const lines: Line[] = [];
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
  return lines;
}

/** The faults, and what the servers of the session's bucket forgot and the incidents say of it. */
function linesAround(
  handle: string,
  { incidents }: Evidence,
  faults: Fault[],
  { redisLosses }: Damages,
): Line[] {
  const bucket = bucketOf(handle);
  const own = incidents.filter(({ chain }) => chain === null || chain === bucket);
  return [
    ...faults.map(({ kind, from, to }): Line => {
      return [from, `fault ${kind}, for ${(to - from).toFixed(0)} ms`, to];
    }),
    ...redisLosses
      .filter(({ buckets }) => buckets.has(bucket))
      .map(({ kind, from, at }): Line => {
        return [at, `Redis forgot what it had since ${(at - from).toFixed(0)} ms (${kind})`];
      }),
    ...own.map(({ kind, recordedAt }): Line => [recordedAt, `incident ${kind}`]),
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
