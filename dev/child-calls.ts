/** The methods that a child process offers to its parent. */
export type Methods<T> = { [M in keyof T]: (...args: never[]) => Promise<unknown> };

/** From the parent: call this method. */
export interface Call {
  id: number;
  method: string;
  args: unknown[];
}

/** From the child: what the method returned, or the stack of what it threw. */
export interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

/** The ID of the answer with which a child reports that it is ready for calls. */
export const READY = 0;

/**
 * The child's side: offers `methods` to the parent that started this program with `startProgram()`.
 * On SIGTERM the process runs `close` and exits. If the parent goes away, it exits at once.
 */
export function serveCalls<T extends Methods<T>>(
  methods: T,
  close: () => Promise<void> = async () => {},
): void {
  process.on('message', (call: Call) => void answer(methods, call));
  process.on('SIGTERM', () => void close().finally(exit));
  process.on('disconnect', exit);
  send({ id: READY });
}

/**
 * Closes the channel to the parent after the current answer. From then on, the process exits
 * as soon as nothing else keeps it alive.
 */
export function stopServing(): void {
  process.off('disconnect', exit);
  setImmediate(() => process.disconnect());
}

async function answer<T extends Methods<T>>(methods: T, { id, method, args }: Call): Promise<void> {
  try {
    send({ id, result: await methods[method as keyof T](...(args as never[])) });
  } catch (error) {
    send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function send(message: Answer): void {
  process.send?.(message);
}

function exit(): void {
  process.exit();
}

interface PendingCall {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** The parent's side: calls that wait for their answers. */
export class PendingCalls {
  readonly #pending = new Map<number, PendingCall>();

  add(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  settle({ id, result, error }: Answer): void {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(`The child process failed: ${error}`));
  }

  rejectAll(error: Error): void {
    for (const call of this.#pending.values()) call.reject(error);
    this.#pending.clear();
  }
}
