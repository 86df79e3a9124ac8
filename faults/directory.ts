import type { Call } from './history.js';
import type { Random } from './random.js';

/** A session that the harness knows, because the call that created it was answered. */
export interface KnownSession {
  id: string;
  handle: string;
  userId: string;
}

const ENDED_KEPT = 200;

/** The sessions that calls can use: those that should be live, and some that have ended. */
export class Directory {
  private readonly live: KnownSession[] = [];
  private readonly ended: KnownSession[] = [];

  /** Usually a live session; sometimes one that has ended and must not come back. */
  pick(random: Random): KnownSession | undefined {
    const from = this.ended.length > 0 && random.chance(0.2) ? this.ended : this.live;
    return from.length > 0 ? random.pick(from) : undefined;
  }

  /** The sessions that have ended last. */
  lastEnded(count: number): KnownSession[] {
    return this.ended.slice(-count);
  }

  get size(): number {
    return this.live.length;
  }

  /** Updates the directory according to a call's answer. */
  update({ operation, answer }: Call): void {
    if (answer?.ok && 'created' in answer.value) {
      const { id, handle } = answer.value.created;
      const userId = operation.op === 'create' ? operation.userId : this.userOf(operation);
      this.live.push({ id, handle, userId });
    }
    if (isOver(operation, answer)) this.moveToEnded(operation);
  }

  private userOf(operation: Call['operation']): string {
    const handle = 'handle' in operation ? operation.handle : '';
    return [...this.live, ...this.ended].find((known) => known.handle === handle)?.userId ?? '';
  }

  private moveToEnded(operation: Call['operation']): void {
    if (!('handle' in operation)) return;
    const at = this.live.findIndex((known) => known.handle === operation.handle);
    if (at < 0) return;
    this.ended.push(...this.live.splice(at, 1));
    if (this.ended.length > ENDED_KEPT) this.ended.shift();
  }
}

/** Whether the answer shows that the call's session has ended. */
function isOver({ op }: Call['operation'], answer: Call['answer']): boolean {
  if (!answer) return false;
  if (!answer.ok) return answer.code === 'ERR_SESSION_NOT_FOUND';
  if ('live' in answer.value) return !answer.value.live;
  return op === 'destroy' || op === 'destroyByHandle' || op === 'rotate';
}
