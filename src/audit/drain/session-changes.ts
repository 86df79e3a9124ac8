import type { LedgerEvent } from './ledger-event.js';

/** What of a session is recorded so far; `stored` where it has a row in `sessions`. */
export interface RecordedState {
  begun: boolean;
  ended: boolean;
  stored: boolean;
}

/** What a batch says of one session. */
export interface SessionChange {
  begin?: LedgerEvent;
  end?: LedgerEvent;
  /** Salt of the client's hash; with `begin` only. */
  salt?: Buffer;
  stored: boolean;
}

/** Names a session: a handle, and the moment from which it bore it. */
export function sessionKey(session: { handle: string; sessionCreatedAt: number }): string {
  return `${session.handle}:${session.sessionCreatedAt}`;
}

/**
 * Drops the events that are recorded already, or that the batch holds twice: a session has one
 * beginning and one end, whatever was replayed.
 */
export function dropRecorded(
  events: LedgerEvent[],
  recorded: Map<string, RecordedState>,
): LedgerEvent[] {
  const seen = new Map<string, { begun: boolean; ended: boolean }>();
  return events.filter((event) => {
    const key = sessionKey(event);
    const state = seen.get(key) ?? { ...(recorded.get(key) ?? { begun: false, ended: false }) };
    seen.set(key, state);
    const part = event.event === 'created' ? 'begun' : 'ended';
    if (state[part]) return false;
    state[part] = true;
    return true;
  });
}

/** The batch by session: one that began and ended in it becomes a single row. */
export function changesBySession(
  events: LedgerEvent[],
  salts: (Buffer | null)[],
  recorded: Map<string, RecordedState>,
): SessionChange[] {
  const changes = new Map<string, SessionChange>();
  events.forEach((event, i) => {
    const key = sessionKey(event);
    const change = changes.get(key) ?? { stored: recorded.get(key)?.stored ?? false };
    changes.set(key, change);
    if (event.event === 'destroyed') change.end = event;
    else Object.assign(change, { begin: event, salt: salts[i]! });
  });
  return [...changes.values()];
}
