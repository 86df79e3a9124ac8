/** Blocks the event loop: no timer runs, nothing is read, locks are not renewed. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
