import type { Call } from '../history.js';
import type { EventRecord, Evidence, ForgottenEvent, LiveSession, SessionRow } from './evidence.js';
import type { Guarantees, PostgresLoss, RedisLoss } from './guarantees.js';
import { IncidentIndex } from './incidents.js';
import { NO_LOSS, type SessionLoss } from './session-loss.js';

/** Everything known about one session: its calls, its records and its state in Redis. */
export interface SessionHistory {
  handle: string;
  userId: string;
  /** Identifies the sign-in. A rotated session has the marker of its predecessor. */
  marker: string | null;
  /** The answered call that created it. */
  creation: Call | undefined;
  /** The calls that named it. */
  calls: Call[];
  created: EventRecord[];
  destroyed: EventRecord[];
  rows: SessionRow[];
  live: LiveSession | undefined;
  inExpiryIndex: boolean;
  /** What of it Redis forgot. */
  loss: SessionLoss;
}

/** The input of all checks. */
export interface HistoryIndex {
  /** By handle. */
  sessions: Map<string, SessionHistory>;
  byMarker: Map<string, SessionHistory[]>;
  /** Calls that name a user, by user. */
  userCalls: Map<string, Call[]>;
  calls: Call[];
  guarantees: Guarantees;
  incidents: IncidentIndex;
  /** By handle, what each loss made a server forget. */
  forgotten: Map<RedisLoss | PostgresLoss, Map<string, ForgottenEvent[]>>;
}

export function indexHistory(
  calls: Call[],
  evidence: Evidence,
  guarantees: Guarantees,
): HistoryIndex {
  const sessions = new Map<string, SessionHistory>();
  const userCalls = new Map<string, Call[]>();
  const of = (handle: string): SessionHistory => {
    const found = sessions.get(handle) ?? emptyHistory(handle);
    sessions.set(handle, found);
    return found;
  };
  for (const call of calls) {
    const { operation, answer } = call;
    if ('handle' in operation) of(operation.handle).calls.push(call);
    if ('userId' in operation) push(userCalls, operation.userId, call);
    if (answer?.ok && 'created' in answer.value) of(answer.value.created.handle).creation = call;
  }
  for (const event of evidence.events) of(event.handle)[event.event].push(event);
  for (const row of evidence.rows) of(row.handle).rows.push(row);
  for (const live of evidence.live) of(live.handle).live = live;
  for (const handle of evidence.expiryIndex) of(handle).inExpiryIndex = true;
  const forgotten = indexForgotten(guarantees);
  for (const handle of [...forgotten.values()].flatMap((each) => [...each.keys()])) of(handle);
  const byMarker = new Map<string, SessionHistory[]>();
  for (const session of sessions.values()) complete(session, calls, forgotten, byMarker);
  const incidents = new IncidentIndex(evidence.incidents);
  return { sessions, byMarker, userCalls, calls, guarantees, incidents, forgotten };
}

function indexForgotten({ damages }: Guarantees): HistoryIndex['forgotten'] {
  const losses = [...damages.redisLosses, ...damages.postgresLosses];
  return new Map(
    losses.map((loss) => {
      const byHandle = new Map<string, ForgottenEvent[]>();
      for (const event of loss.forgotten ?? []) push(byHandle, event.handle, event);
      return [loss, byHandle];
    }),
  );
}

function emptyHistory(handle: string): SessionHistory {
  return {
    handle,
    userId: '',
    marker: null,
    creation: undefined,
    calls: [],
    created: [],
    destroyed: [],
    rows: [],
    live: undefined,
    inExpiryIndex: false,
    loss: NO_LOSS,
  };
}

/** Finds the user and the sign-in, even if the call that created the session was never answered. */
function complete(
  session: SessionHistory,
  calls: Call[],
  forgotten: HistoryIndex['forgotten'],
  byMarker: Map<string, SessionHistory[]>,
): void {
  const start = [...forgotten.values()]
    .flatMap((each) => each.get(session.handle) ?? [])
    .find(({ event }) => event === 'created');
  const operation = session.creation?.operation;
  const asked = operation?.op === 'create' ? operation : undefined;
  session.marker = session.rows[0]?.userAgent ?? start?.userAgent ?? asked?.marker ?? null;
  const signIn = session.marker === null ? undefined : callOf(calls, session.marker);
  session.userId =
    session.created[0]?.userId ??
    session.live?.userId ??
    start?.userId ??
    (signIn?.operation.op === 'create' ? signIn.operation.userId : '');
  if (session.marker) push(byMarker, session.marker, session);
}

/** The sessions of the same sign-in, including this one: all that it was rotated from or to. */
export function relatedTo(session: SessionHistory, { byMarker }: HistoryIndex): SessionHistory[] {
  return (session.marker === null ? undefined : byMarker.get(session.marker)) ?? [session];
}

/** The call that an actor or a marker names. */
export function callOf(calls: Call[], name: string): Call | undefined {
  const match = /^c(\d+)$/.exec(name);
  return match ? calls[Number(match[1])] : undefined;
}

export function bucketOf(handle: string): number {
  return Number.parseInt(handle.slice(0, 2), 16);
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
