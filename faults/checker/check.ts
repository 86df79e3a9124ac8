import type { Call } from '../history.js';
import { checkAnswers } from './answers.js';
import { checkBeginning } from './beginnings.js';
import type { Breach } from './breach.js';
import { openCase, type Case, type Dossier } from './dossier.js';
import { checkEnd } from './ends.js';
import type { Evidence } from './evidence.js';
import { checkLife } from './life.js';
import { isAtRisk, judgeFailover, type Losses } from './losses.js';
import type { Promises } from './promises.js';
import { checkRow } from './rows.js';

export interface Verdict {
  breaches: Breach[];
  /** What asynchronous replication lost. */
  losses: Losses;
}

/** Holds the history of every call against what Postgres and Redis hold. */
export function check(calls: Call[], evidence: Evidence, promises: Promises): Verdict {
  const theCase = openCase(calls, evidence, promises);
  const losses: Losses = { beginnings: 0, ends: 0, endedAsLost: 0 };
  const breaches = [...checkAnswers(theCase), ...checkWhole(evidence), ...checkLimit(theCase)];
  for (const dossier of theCase.dossiers.values()) {
    breaches.push(
      ...(isAtRisk(dossier, theCase)
        ? judgeFailover(dossier, theCase, losses)
        : checkSession(dossier, theCase)),
    );
  }
  return { breaches, losses };
}

function checkSession(dossier: Dossier, theCase: Case): Breach[] {
  return [
    ...checkBeginning(dossier, theCase),
    ...checkEnd(dossier, theCase),
    ...checkLife(dossier, theCase),
    ...checkRow(dossier),
  ];
}

function checkWhole({ chainBreaks, deadLetters }: Evidence): Breach[] {
  const breaches: Breach[] = chainBreaks.map((text) => ({ kind: 'chain', handle: null, text }));
  if (deadLetters > 0) {
    const text = `${deadLetters} records among the dead letters`;
    breaches.push({ kind: 'lost', handle: null, text });
  }
  return breaches;
}

function checkLimit({ dossiers, promises }: Case): Breach[] {
  const { maxSessionsPerUser: limit } = promises;
  if (limit === 0 || promises.lossWindows.length > 0) return [];
  const live = new Map<string, number>();
  for (const { live: session } of dossiers.values()) {
    if (session) live.set(session.userId, (live.get(session.userId) ?? 0) + 1);
  }
  return [...live].flatMap(([user, count]) =>
    count > limit
      ? [
          {
            kind: 'wrong',
            handle: null,
            text: `${user} has ${count} sessions of ${limit}`,
          } as const,
        ]
      : [],
  );
}
