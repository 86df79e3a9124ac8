import { SessionError } from '../errors.js';
import type { BucketTimes } from '../store/live-sessions.js';
import {
  bucketOf,
  isHandle,
  isSessionId,
  parseHandle,
  parseSessionId,
  type SessionAddress,
} from '../store/session-id.js';
import { checkUserId } from './input.js';

export { isHandle };

/** Finds what the arguments of a call name: a user, or a session by its ID or its handle. */
export class Addresses {
  /** @param toUserId brings a user ID to its one spelling */
  constructor(
    private readonly buckets: BucketTimes,
    private readonly toUserId: (userId: string) => string = (userId) => userId,
  ) {}

  /** The user's ID in its one spelling, and the bucket of the user's sessions. */
  ofUser(given: string): { userId: string; bucket: number } {
    const userId = this.toUserId(checkUserId(given));
    return { userId, bucket: bucketOf(userId, this.buckets.count) };
  }

  /** @param method rejects a handle in the name of this method */
  ofId(sessionId: unknown, method?: string): SessionAddress | null {
    if (method !== undefined) rejectHandle(sessionId, method);
    return parseSessionId(sessionId, this.buckets.count);
  }

  /** @param method rejects a session ID in the name of this method */
  ofHandle(handle: unknown, method?: string): SessionAddress | null {
    if (method !== undefined) rejectSessionId(handle, method);
    return parseHandle(handle, this.buckets.count);
  }

  /** The addresses of handles, by bucket; without those that are malformed. */
  byBucket(handles: string[]): Map<number, { handle: string; digest: string }[]> {
    const buckets = new Map<number, { handle: string; digest: string }[]>();
    for (const handle of handles) {
      const address = this.ofHandle(handle);
      if (!address) continue;
      const { bucket, digest } = address;
      const found = buckets.get(bucket);
      if (found) found.push({ handle, digest });
      else buckets.set(bucket, [{ handle, digest }]);
    }
    return buckets;
  }
}

/**
 * Rejects a handle where a method needs a session ID: it would find no session, and silently do
 * nothing.
 *
 * @throws SessionError `ERR_SESSION_INPUT`
 */
function rejectHandle(sessionId: unknown, method: string): void {
  if (!isHandle(sessionId)) return;
  throw new SessionError(
    'ERR_SESSION_INPUT',
    `${method} needs a session ID, and got the handle ${sessionId}. Use ${BY_HANDLE[method]} instead.`,
  );
}

/**
 * Rejects a session ID where a method needs a handle. The message doesn't contain the ID.
 *
 * @throws SessionError `ERR_SESSION_INPUT`
 */
function rejectSessionId(handle: unknown, method: string): void {
  if (!isSessionId(handle)) return;
  throw new SessionError(
    'ERR_SESSION_INPUT',
    `${method} needs a handle, and got a session ID, which only its client should know. Use the ` +
      "session's `handle`.",
  );
}

const BY_HANDLE: Record<string, string> = {
  destroySession: 'destroySessionByHandle',
  rotateSession: 'rotateSessionByHandle',
  updateSessionData: 'updateSessionDataByHandle',
};
