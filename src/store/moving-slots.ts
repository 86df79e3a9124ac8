import { setTimeout as delay } from 'node:timers/promises';

import { SessionError } from '../errors.js';

/** How often a script is sent again while the slot of its bucket moves (ms). */
export const MOVING_SLOT_RETRY = 25;

/**
 * What Redis replies to a script while the slot of its keys moves to another node: to the probe of
 * `lua/include/bucket.lua`, if only some of the declared keys are on the node, or if none of them is.
 * ioredis follows these replies, but only 16 times.
 */
const MOVING = /Script attempted to access a non local key|\b(TRYAGAIN|MOVED|ASK)\b/;

/** Whether a call failed because the slot of its bucket was moving. Then it has changed nothing. */
export function isSlotMoving(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return MOVING.test(error.message) || isSlotMoving(error.cause);
}

/**
 * Runs a script again until its slot has moved.
 *
 * @param timeout when to give up (ms)
 * @throws SessionError `ERR_SESSION_REDIS_UNAVAILABLE` if the slot is still moving by then
 */
export async function whenSlotHasMoved<T>(run: () => Promise<T>, timeout: number): Promise<T> {
  const givesUpAt = performance.now() + timeout - MOVING_SLOT_RETRY;
  for (;;) {
    try {
      return await run();
    } catch (cause) {
      if (!isSlotMoving(cause)) throw cause;
      if (performance.now() >= givesUpAt) throw slotIsMoving(timeout, cause);
    }
    await delay(MOVING_SLOT_RETRY);
  }
}

function slotIsMoving(timeout: number, cause: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_UNAVAILABLE',
    'The Redis Cluster is moving the sessions of this bucket to another node, and had not finished ' +
      `within ${timeout} ms. Meanwhile they can be read, but not changed. Retry.`,
    { cause },
  );
}
