import type { Call } from '../history.js';
import type { EventRecord, Evidence, LiveSession, SessionRow } from './evidence.js';
import type { Promises } from './promises.js';

/** All that is known of one session: what was asked and answered, and what was recorded. */
export interface Dossier {
  handle: string;
  userId: string;
  /** Names the sign-in: a rotated session keeps that of the one before. */
  marker: string | null;
  /** The answered call that began it. */
  beginning: Call | undefined;
  /** Calls that named it. */
  calls: Call[];
  created: EventRecord[];
  destroyed: EventRecord[];
  rows: SessionRow[];
  live: LiveSession | undefined;
  /** Its end waits in the expiry index. */
  isDue: boolean;
}

/** What the rules look at. */
export interface Case {
  dossiers: Map<string, Dossier>;
  byMarker: Map<string, Dossier[]>;
  /** Calls about all sessions of a user, by user. */
  userCalls: Map<string, Call[]>;
  calls: Call[];
  promises: Promises;
}

export function openCase(calls: Call[], evidence: Evidence, promises: Promises): Case {
  const dossiers = new Map<string, Dossier>();
  const userCalls = new Map<string, Call[]>();
  const of = (handle: string): Dossier => {
    const found = dossiers.get(handle) ?? emptyDossier(handle);
    dossiers.set(handle, found);
    return found;
  };
  for (const call of calls) {
    const { operation, answer } = call;
    if ('handle' in operation) of(operation.handle).calls.push(call);
    if ('userId' in operation) push(userCalls, operation.userId, call);
    if (answer?.ok && 'begun' in answer.value) of(answer.value.begun.handle).beginning = call;
  }
  for (const event of evidence.events) of(event.handle)[event.event].push(event);
  for (const row of evidence.rows) of(row.handle).rows.push(row);
  for (const live of evidence.live) of(live.handle).live = live;
  for (const handle of evidence.due) of(handle).isDue = true;
  const byMarker = new Map<string, Dossier[]>();
  for (const dossier of dossiers.values()) complete(dossier, calls, byMarker);
  return { dossiers, byMarker, userCalls, calls, promises };
}

function emptyDossier(handle: string): Dossier {
  return {
    handle,
    userId: '',
    marker: null,
    beginning: undefined,
    calls: [],
    created: [],
    destroyed: [],
    rows: [],
    live: undefined,
    isDue: false,
  };
}

function complete(dossier: Dossier, calls: Call[], byMarker: Map<string, Dossier[]>): void {
  const operation = dossier.beginning?.operation;
  const asked = operation?.op === 'create' ? operation : undefined;
  dossier.marker = dossier.rows[0]?.userAgent ?? asked?.marker ?? null;
  const root = dossier.marker === null ? undefined : callOf(calls, dossier.marker);
  dossier.userId =
    dossier.created[0]?.userId ??
    dossier.live?.userId ??
    (root?.operation.op === 'create' ? root.operation.userId : '');
  if (dossier.marker) push(byMarker, dossier.marker, dossier);
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
