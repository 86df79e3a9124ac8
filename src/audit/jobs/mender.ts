import type { Buckets } from '../../store/buckets.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import type { Drain } from '../drain/drain.js';
import type { LedgerWriter } from '../drain/ledger-writer.js';
import type { Outbox } from '../drain/outbox.js';
import type { Incidents, NewIncident } from '../guard/incidents.js';
import type { LedgerBinding } from '../guard/ledger-binding.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';
import type { ReconcileReport } from '../reconcile/audit-state.js';
import type { LossLimit } from '../reconcile/loss-limit.js';
import type { Reconciler } from '../reconcile/reconciler.js';
import type { Recovery } from '../reconcile/recovery.js';
import { DamageAssessor, type RollbackDamage } from './rollback-damage.js';

const PAGE = 500;
/**
 * After too many sessions were missing, they are looked at again, because Redis may go back once more:
 * after this many times as long as the look took, and a minute at most (ms).
 */
const HELD_FACTOR = 5;
const MAX_HELD_INTERVAL = 60_000;

/** What a run has made good: see `ReconcileReport`. */
export type MendReport = Pick<ReconcileReport, 'missing' | 'resurrected' | 'recovered'>;

/** What a bucket's chain says about its numbers. */
export interface ChainNumbers {
  chain: number;
  committed: number;
  mendFrom: number | null;
  /** Changes each time that Redis is found to have gone back. */
  mendVersion: string;
  recoverFrom: number | null;
}

interface Damage extends RollbackDamage {
  numbers: ChainNumbers;
}

export interface MenderParts {
  buckets: Buckets;
  database: LedgerDatabase;
  tables: LedgerTables;
  upkeep: SessionUpkeep;
  outbox: Outbox;
  drain: Drain;
  writer: LedgerWriter;
  reconciler: Reconciler;
  limit: LossLimit;
  recovery: Recovery;
  incidents: Incidents;
  binding: LedgerBinding;
}

/**
 * Finds buckets whose Redis or Postgres went back to an earlier state, and makes good exactly what
 * was lost. Each step can be repeated: the chain's row says what is still to be mended until all of
 * it is done.
 */
export class Mender {
  /** The rollbacks by which too many sessions were missing, and when they are looked at again. */
  private held: { until: number; rollbacks: Set<string> } = { until: 0, rollbacks: new Set() };
  private readonly assessor: DamageAssessor;

  constructor(private readonly parts: MenderParts) {
    this.assessor = new DamageAssessor(parts);
  }

  /**
   * Compares the outbox numbers of all buckets with those that are committed, and mends what
   * differs. If nothing does, it costs four short statements, and a Redis command for each bucket.
   */
  async runOnce(): Promise<MendReport> {
    await this.parts.binding.requireBound();
    // SQL first: the number in Redis only grows, so a lower one than was committed is a rollback.
    const before = await this.readChains();
    const errors = await this.collectErrors(before, ({ chain, committed }) =>
      this.checkBucket(chain, committed),
    );
    await this.recordForeignHeads();
    const chains = await this.readChains();
    const report: MendReport = { missing: 0, resurrected: 0, recovered: 0 };
    await this.mendRollbacks(
      chains.filter(({ mendFrom }) => mendFrom !== null),
      report,
    );
    await this.recoverGaps(
      chains.filter(({ recoverFrom }) => recoverFrom !== null),
      report,
    );
    if (errors.length > 0) throw errors[0];
    return report;
  }

  /** Mends all rollbacks, however many sessions are lost: an operator has accepted it. */
  async acceptLosses(): Promise<MendReport> {
    const chains = await this.readChains();
    const report: MendReport = { missing: 0, resurrected: 0, recovered: 0 };
    const damages = await this.assess(
      chains.filter(({ mendFrom }) => mendFrom !== null),
      report,
    );
    for (const damage of damages) await this.complete(damage, report);
    return report;
  }

  private async readChains(): Promise<ChainNumbers[]> {
    const rows = await this.parts.database.query<RawChain>(listChains(this.parts.tables), [
      this.parts.buckets.count,
    ]);
    return rows.map(toChainNumbers);
  }

  /** Looks closer if the bucket's number is lower than the committed one, or its events are gone. */
  private async checkBucket(bucket: number, committed: number): Promise<void> {
    const { outbox, drain } = this.parts;
    const last = await outbox.lastNumber(bucket);
    const isSuspect = last < committed || (last > committed && (await outbox.length(bucket)) === 0);
    if (isSuspect) await drain.checkNumbers(bucket);
  }

  /** A bucket that fails, because its node is down, must not keep the others from being mended. */
  private async collectErrors<T>(list: T[], work: (each: T) => Promise<void>): Promise<unknown[]> {
    const results = await Promise.allSettled(list.map(work));
    return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  }

  /** Rows in chains that no bucket has: a process with another number of buckets wrote them. */
  private async recordForeignHeads(): Promise<void> {
    const { database, tables, buckets, incidents } = this.parts;
    const foreign = await database.query<{ chain: number }>(listForeignHeads(tables), [
      buckets.count,
    ]);
    for (const { chain } of foreign) {
      if (await incidents.last('foreign-head', chain)) continue;
      await incidents.recordAlone({
        kind: 'foreign-head',
        chain,
        details: { buckets: buckets.count },
      });
    }
  }

  private async mendRollbacks(chains: ChainNumbers[], report: MendReport): Promise<void> {
    if (chains.length === 0 || this.isHeld(chains)) return;
    const startedAt = performance.now();
    const damages = await this.assess(chains, report);
    const lost = damages.reduce((sum, damage) => sum + damage.lost.length, 0);
    if (await this.parts.limit.isExceeded(lost)) {
      const now = performance.now();
      const interval = Math.min(HELD_FACTOR * (now - startedAt), MAX_HELD_INTERVAL);
      this.held = { until: now + interval, rollbacks: new Set(chains.map(rollbackKey)) };
      await this.recordLossLimit(lost);
      return;
    }
    for (const damage of damages) await this.complete(damage, report);
  }

  private isHeld(chains: ChainNumbers[]): boolean {
    const { until, rollbacks } = this.held;
    return performance.now() < until && chains.every((each) => rollbacks.has(rollbackKey(each)));
  }

  /** Ends the sessions that came back, and finds those that are gone. */
  private async assess(chains: ChainNumbers[], report: MendReport): Promise<Damage[]> {
    const damages: Damage[] = [];
    const errors = await this.collectErrors(chains, async (numbers) => {
      // Before the mending writes events of its own: no number may stand for two events.
      await this.parts.upkeep.raiseNumber(numbers.chain, numbers.committed);
      const damage = await this.assessor.assess(numbers.chain, numbers.mendFrom!);
      damages.push({ numbers, ...damage });
      report.resurrected += damage.endedAgain;
    });
    if (damages.length === 0 && errors.length > 0) throw errors[0];
    // After Redis was asked which sessions it has: see requireBound.
    if (damages.length > 0) await this.parts.binding.requireBound();
    return damages;
  }

  private async complete({ numbers, lost, endedAgain }: Damage, report: MendReport): Promise<void> {
    const { chain, mendFrom, committed } = numbers;
    for (let from = 0; from < lost.length; from += PAGE) {
      const page = lost.slice(from, from + PAGE);
      const address = (digest: string) => ({ bucket: chain, digest });
      await Promise.all(
        page.map((each) => this.parts.upkeep.declareLost(address(each.digest), each)),
      );
    }
    report.missing += lost.length;
    // The events whose numbers were given out twice leave the outbox before the chain is clean.
    await this.parts.drain.drainBucket(chain, { wait: true });
    await this.finish(numbers, 'mend_from', {
      kind: 'rollback-mended',
      chain,
      details: { from: mendFrom, to: committed, endedAgain, lost: lost.length },
    });
  }

  /**
   * Clears what was to be mended, unless it has changed since. Only the process that clears it
   * records the incident.
   */
  private async finish(
    { chain, committed, mendFrom, mendVersion, recoverFrom }: ChainNumbers,
    column: 'mend_from' | 'recover_from',
    incident: NewIncident,
  ): Promise<void> {
    const { database, tables, writer, incidents, outbox } = this.parts;
    await database.transaction(async (runner) => {
      await writer.waitForLock(runner, chain);
      if ((await outbox.lastNumber(chain)) < committed) return; // it went back once more
      const from = column === 'mend_from' ? mendFrom : recoverFrom;
      const cleared = await runner.query(
        `UPDATE ${tables.chains} SET ${column} = NULL
         WHERE chain = $1 AND ${column} = $2 AND mend_version = $3 RETURNING chain`,
        [chain, from, mendVersion],
      );
      // TypeORM returns the rows of an UPDATE with their number.
      if (cleared[1] === 1) await incidents.record(runner, incident);
    });
  }

  private async recordLossLimit(missing: number): Promise<void> {
    const incident = await this.parts.limit.newIncident(missing);
    if (incident) await this.parts.incidents.recordAlone(incident);
  }

  private async recoverGaps(chains: ChainNumbers[], report: MendReport): Promise<void> {
    if (chains.length === 0) return;
    const recovered: number[] = [];
    for (const { chain } of chains) {
      recovered.push(await this.parts.recovery.recoverBucket(chain));
    }
    // Sessions that are open in SQL, and whose end was lost with the numbers.
    const { missing, held } = await this.parts.reconciler.endLost();
    if (!held) report.missing += missing;
    report.recovered += recovered.reduce((sum, count) => sum + count, 0);
    for (const [i, numbers] of chains.entries()) {
      await this.finish(numbers, 'recover_from', {
        kind: 'gap-recovered',
        chain: numbers.chain,
        details: {
          from: numbers.recoverFrom,
          recovered: recovered[i]!,
          missing,
          held,
        },
      });
    }
  }
}

function rollbackKey({ chain, mendFrom, mendVersion }: ChainNumbers): string {
  return `${chain}:${mendFrom}:${mendVersion}`;
}

interface RawChain {
  chain: number;
  outbox_number: string;
  mend_from: string | null;
  mend_version: string;
  recover_from: string | null;
}

function toChainNumbers(row: RawChain): ChainNumbers {
  return {
    chain: row.chain,
    committed: Number(row.outbox_number),
    mendVersion: row.mend_version,
    mendFrom: row.mend_from === null ? null : Number(row.mend_from),
    recoverFrom: row.recover_from === null ? null : Number(row.recover_from),
  };
}

/** The numbers of all buckets. $1 number of buckets */
const listChains = (t: LedgerTables): string => `
SELECT chain, outbox_number, mend_from, mend_version, recover_from FROM ${t.chains} WHERE chain < $1
ORDER BY chain`;

/** $1 number of buckets */
const listForeignHeads = (t: LedgerTables): string => `
SELECT chain FROM ${t.chains}
WHERE (chain < 0 OR chain >= $1) AND last_seq > 0 OR chain NOT BETWEEN 0 AND 255`;
