import type { Answer, Operation } from './application/protocol.js';

/** A call, as the harness saw it. Times are in ms since 1970, on the harness's clock. */
export interface Call {
  n: number;
  process: string;
  operation: Operation;
  startedAt: number;
  /** Null if no answer came. The call may then have taken effect, but at most once. */
  endedAt: number | null;
  answer: Answer | null;
}

/** All calls, in the order in which they were started. */
export class History {
  readonly calls: Call[] = [];

  start(process: string, operation: (n: number) => Operation): Call {
    const n = this.calls.length;
    const call: Call = {
      n,
      process,
      operation: operation(n),
      startedAt: now(),
      endedAt: null,
      answer: null,
    };
    this.calls.push(call);
    return call;
  }

  end(call: Call, answer: Answer): void {
    call.endedAt = now();
    call.answer = answer;
  }

  get acknowledged(): number {
    return this.calls.filter((call) => call.answer?.ok).length;
  }
}

/** Milliseconds since 1970, with fractions. Redis runs on the same machine, with the same clock. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
