import type { Answer, Operation } from './application/protocol.js';
import { time } from './clock.js';

/** A call, as the harness saw it. Times in ms since 1970, by the harness's clock. */
export interface Call {
  n: number;
  process: string;
  operation: Operation;
  startedAt: number;
  /** Null where no answer came: it may have happened or not, but at most once. */
  endedAt: number | null;
  answer: Answer | null;
}

/** Every call that was made, in the order in which they began. */
export class History {
  readonly calls: Call[] = [];

  begin(process: string, operation: (n: number) => Operation): Call {
    const n = this.calls.length;
    const call: Call = {
      n,
      process,
      operation: operation(n),
      startedAt: time(),
      endedAt: null,
      answer: null,
    };
    this.calls.push(call);
    return call;
  }

  end(call: Call, answer: Answer): void {
    call.endedAt = time();
    call.answer = answer;
  }

  get acknowledged(): number {
    return this.calls.filter((call) => call.answer?.ok).length;
  }
}
