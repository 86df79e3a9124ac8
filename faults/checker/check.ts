import type { Call } from '../history.js';
import { checkAnswers } from './answers.js';
import { checkCreation } from './creation.js';
import { checkEnd, checkReturns } from './end.js';
import type { Evidence } from './evidence.js';
import { putBackForgotten } from './forgotten-records.js';
import type { Guarantees } from './guarantees.js';
import { checkHolds } from './holds.js';
import { checkIncidents } from './incidents.js';
import { checkLife } from './life.js';
import { findLoss, noLosses, type Losses } from './losses.js';
import { checkNumbers } from './numbers.js';
import { checkRow } from './row.js';
import { indexHistory, type HistoryIndex, type SessionHistory } from './session-history.js';
import type { Violation } from './violation.js';

export interface Verdict {
  violations: Violation[];
  /** What the servers forgot. */
  losses: Losses;
}

/** Compares the history of all calls with what Postgres and Redis hold. */
export function check(calls: Call[], evidence: Evidence, guarantees: Guarantees): Verdict {
  const index = indexHistory(calls, evidence, guarantees);
  const losses = noLosses();
  const violations = [
    ...checkAnswers(index),
    ...checkLedger(evidence),
    ...checkNumbers(evidence, guarantees.damages),
    ...checkIncidents(evidence, guarantees.damages),
    ...checkHolds(evidence, guarantees.damages),
    ...checkLimit(index),
  ];
  for (const session of index.sessions.values()) {
    violations.push(...checkRow(session)); // as it is, before anything is put back
    const { isRecovered, named, ...records } = putBackForgotten(session, index);
    Object.assign(session, records);
    if (isRecovered) losses.recovered += 1;
    losses.named += named;
  }
  for (const session of index.sessions.values()) {
    session.loss = findLoss(session, index);
    violations.push(...checkSession(session, index));
    addLosses(session, losses);
  }
  losses.returned = index.incidents.of('session-returned').length;
  return { violations, losses };
}

function addLosses({ loss, destroyed }: SessionHistory, losses: Losses): void {
  if (loss.hasVanished) losses.starts += 1;
  if (loss.livedOn) losses.ends += 1;
  if (destroyed[0]?.reason === 'lost') losses.endedAsLost += 1;
}

function checkSession(session: SessionHistory, index: HistoryIndex): Violation[] {
  return [
    ...checkCreation(session, index),
    ...checkEnd(session, index),
    ...checkReturns(session, index),
    ...checkLife(session, index),
  ];
}

function checkLedger({ chainBreaks, deadLetters }: Evidence): Violation[] {
  const violations: Violation[] = chainBreaks.map((text) => ({
    kind: 'chain',
    handle: null,
    text,
  }));
  if (deadLetters > 0) {
    const text = `${deadLetters} dead letters`;
    violations.push({ kind: 'lost', handle: null, text });
  }
  return violations;
}

function checkLimit({ sessions, guarantees }: HistoryIndex): Violation[] {
  const { maxSessionsPerUser: limit } = guarantees;
  if (limit === 0) return [];
  const live = new Map<string, number>();
  for (const session of sessions.values()) {
    if (session.live) live.set(session.live.userId, (live.get(session.live.userId) ?? 0) + 1);
  }
  return [...live]
    .filter(([, count]) => count > limit)
    .map(([user, count]) => {
      const text = `${user} has ${count} sessions; the limit is ${limit}`;
      return { kind: 'wrong', handle: null, text };
    });
}
