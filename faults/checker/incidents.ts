import type { EventRecord, Evidence, ForgottenEvent, IncidentRecord } from './evidence.js';
import { isWithin, type Damages, type RedisLoss, type Span } from './guarantees.js';
import type { Violation } from './violation.js';

/** How long after a server is back its losses may be found and made good (ms). */
export const MENDING_TIME = 60_000;

/** The incidents, by what they explain. */
export class IncidentIndex {
  private readonly byKind = new Map<string, IncidentRecord[]>();

  constructor(incidents: IncidentRecord[]) {
    for (const incident of incidents) this.of(incident.kind).push(incident);
  }

  /** The incidents of a kind, oldest first. */
  of(kind: string): IncidentRecord[] {
    const found = this.byKind.get(kind) ?? [];
    this.byKind.set(kind, found);
    return found;
  }

  /** Whether a rollback that this loss explains names the event among those that Redis forgot. */
  namesRollback(event: EventRecord, loss: RedisLoss): boolean {
    const { chain, number, recordedAt } = event;
    return this.of('rollback').some((rollback) => {
      if (rollback.chain !== chain) return false;
      const isFound = isWithin(rollback.recordedAt, mendingOf(loss));
      const isPending = this.isPendingAt(rollback, loss.at);
      if (number !== null) return (isFound || isPending) && isBetween(number, rollback.details);
      // It has none, because it was recorded while an earlier rollback was being mended.
      return isPending || (isFound && recordedAt <= rollback.recordedAt);
    });
  }

  /** What Redis forgets while a rollback is being mended is mended with it. */
  private isPendingAt({ chain, recordedAt }: IncidentRecord, moment: number): boolean {
    const isMended = this.of('rollback-mended').some(
      (mended) =>
        mended.chain === chain && mended.recordedAt > recordedAt && mended.recordedAt < moment,
    );
    return recordedAt < moment && !isMended;
  }

  /** Whether a gap names the event among those that Postgres forgot. */
  namesGap({ chain, number }: ForgottenEvent): boolean {
    return number !== null && this.isInGap(chain, number);
  }

  isInGap(chain: number, number: number): boolean {
    return this.of('number-gap').some(
      (gap) => gap.chain === chain && isBetween(number, gap.details),
    );
  }

  /** Until when the session could be used after it had come back. */
  returnsOf(handle: string): number[] {
    return this.of('session-returned')
      .filter((incident) => incident.handle === handle)
      .map(({ details }) => Date.parse(String(details.usableUntil)));
  }

  hasAdoptionAfter(moment: number): boolean {
    return this.of('adopted').some(({ recordedAt }) => recordedAt >= moment);
  }
}

function isBetween(number: number, { from, to }: IncidentRecord['details']): boolean {
  return number >= Number(from) && number <= Number(to);
}

/** From the moment at which Redis forgot to the moment at which all must have been made good. */
function mendingOf({ at, to }: RedisLoss): Span {
  return { from: at, to: to + MENDING_TIME };
}

/** Every incident must be explained by what the campaign did. */
export function checkIncidents({ incidents }: Evidence, damages: Damages): Violation[] {
  return incidents.flatMap((incident, i) => {
    if (isExplained(incident, i, damages)) return [];
    const { kind, chain, handle, details } = incident;
    const where = chain === null ? '' : ` in bucket ${chain}`;
    const text = `an incident that nothing explains: ${kind}${where} ${JSON.stringify(details)}`;
    return [{ kind: 'wrong', handle, text } as const];
  });
}

function isExplained(
  { kind, chain, recordedAt, details }: IncidentRecord,
  position: number,
  { redisLosses, postgresLosses, holds, strangers }: Damages,
): boolean {
  const isDuring = (spans: Span[]) => spans.some((span) => isWithin(recordedAt, later(span)));
  const forgot = redisLosses.filter(({ buckets }) => chain === null || buckets.has(chain));
  const isAfterRedisLoss = isDuring(forgot.map(mendingOf));
  switch (kind) {
    case 'bound':
      return position === 0;
    case 'held':
      return isDuring([...holds, ...strangers]);
    case 'adopted':
      return holds.some(({ to, adoptedAt }) => isWithin(recordedAt, { from: to, to: adoptedAt }));
    case 'rollback':
    case 'rollback-mended':
    case 'session-returned':
      return isAfterRedisLoss;
    case 'number-gap':
    case 'gap-recovered':
      return isDuring(postgresLosses);
    case 'sessions-lost':
    case 'loss-limit':
    case 'losses-accepted':
      return isAfterRedisLoss || isDuring(postgresLosses);
    case 'repaired':
      return details.what === 'recovered' && isDuring(postgresLosses);
    default:
      return false;
  }
}

function later({ from, to }: Span): Span {
  return { from, to: to + MENDING_TIME };
}
