import type { Call } from '../history.js';
import { checkAnswers } from './answers.js';
import { checkCreation } from './creation.js';
import type { Violation } from './violation.js';
import { indexHistory, type HistoryIndex, type SessionHistory } from './session-history.js';
import { checkEnd } from './end.js';
import type { Evidence } from './evidence.js';
import { checkLife } from './life.js';
import { isAtRisk, checkAfterFailover, type Losses } from './losses.js';
import type { Guarantees } from './guarantees.js';
import { checkRow } from './row.js';

export interface Verdict {
  violations: Violation[];
  /** What asynchronous replication lost. */
  losses: Losses;
}

/** Compares the history of all calls with what Postgres and Redis hold. */
export function check(calls: Call[], evidence: Evidence, guarantees: Guarantees): Verdict {
  const index = indexHistory(calls, evidence, guarantees);
  const losses: Losses = { starts: 0, ends: 0, endedAsLost: 0 };
  const violations = [...checkAnswers(index), ...checkLedger(evidence), ...checkLimit(index)];
  for (const session of index.sessions.values()) {
    violations.push(
      ...(isAtRisk(session, index)
        ? checkAfterFailover(session, index, losses)
        : checkSession(session, index)),
    );
  }
  return { violations, losses };
}

function checkSession(session: SessionHistory, index: HistoryIndex): Violation[] {
  return [
    ...checkCreation(session, index),
    ...checkEnd(session, index),
    ...checkLife(session, index),
    ...checkRow(session),
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
  if (limit === 0 || guarantees.lossWindows.length > 0) return [];
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
