import { randomUUID } from 'node:crypto';

import type { QueryRunner } from 'typeorm';

import type { SessionError } from '../../errors.js';
import type { Buckets } from '../../store/buckets.js';
import { metaKey } from '../../store/redis-keys.js';
import { LAYOUT_VERSION } from '../../store/startup-checks.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';
import {
  held,
  mismatch,
  missingLedgerRow,
  otherBuckets,
  otherLedger,
  otherPrefix,
  otherRedis,
  type LedgerIdentity,
  type RedisIdentity,
  type Side,
} from './binding-errors.js';
import type { Incidents, NewIncident } from './incidents.js';

/** `held`: the tables are bound and this Redis is not, because it is new or was emptied. */
export type BindingState = 'bound' | 'held';

/** What a look at both sides led to. */
type Decision = { state: 'mismatch'; reason: string } | { state: BindingState };

/** What an adoption takes over, named by the operator so that a slip doesn't do it. */
export interface EarlierOwners {
  /** The ID of the ledger that this Redis belongs to now. */
  from?: string;
  /** The prefix that the ledger's sessions have had. */
  fromPrefix?: string;
}

/** What an adoption did. */
export interface Adoption {
  ledger: string;
  /** False if this Redis was bound to the ledger already, so there was nothing to do. */
  adopted: boolean;
}

/**
 * Ties one Redis to one set of audit tables. Nothing is drained, compared or declared lost unless
 * Redis and SQL name each other: a wrong or empty Redis would write every live session into the
 * ledger as lost.
 */
export class LedgerBinding {
  private state: BindingState | 'unknown' = 'unknown';

  constructor(
    private readonly buckets: Buckets,
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
    private readonly incidents: Incidents,
  ) {}

  /**
   * Throws unless this Redis is the ledger's. Called before anything is recorded, and after Redis
   * has been asked which sessions it has: a Redis that was emptied stays unbound, so an answer that
   * precedes a successful check came from a Redis that was not empty.
   *
   * @throws SessionError `ERR_SESSION_LEDGER_HELD`, `ERR_SESSION_LEDGER_MISMATCH`
   */
  async requireBound(): Promise<void> {
    if ((await this.check()) === 'held') throw held(this.side());
  }

  /**
   * Throws unless this Redis has the ledger's keyspace. Called under the lock of a chain, which an
   * adoption needs as well, and after everything was read that is to be recorded: Redis may have been
   * emptied, or another one adopted, since the binding was checked.
   *
   * @param keyspace what SQL says under the lock
   * @throws SessionError `ERR_SESSION_LEDGER_HELD`
   */
  async requireKeyspace(keyspace: string | null): Promise<void> {
    if (keyspace === null || (await this.readRedis()).keyspace !== keyspace)
      throw held(this.side());
  }

  /**
   * Compares the two sides, and binds them if neither is bound yet.
   *
   * @throws SessionError `ERR_SESSION_LEDGER_MISMATCH` if one belongs to something else
   */
  async check(): Promise<BindingState> {
    const redis = await this.readRedis();
    const sql = await this.readSql();
    if (!isSame(sql, redis, this.buckets)) return this.settle();
    this.state = 'bound';
    return 'bound';
  }

  private async settle(): Promise<BindingState> {
    const decision = await this.decide();
    if (decision.state === 'mismatch') throw await this.refused(decision.reason);
    const isNew = this.state !== decision.state;
    this.state = decision.state;
    if (decision.state === 'held' && isNew) await this.recordHeld();
    return decision.state;
  }

  /**
   * Locks nothing unless the tables are not bound yet, or an adoption may be going on: a held process
   * must not be in others' way.
   */
  private async decide(): Promise<Decision> {
    const sql = await this.readSql();
    const redis = await this.readRedis();
    const decision = this.judge(sql, redis);
    if (sql.keyspace === null && decision.state !== 'mismatch') {
      return this.database.transaction((runner) => this.bind(runner));
    }
    // An adoption writes to Redis first, so the two differ until its transaction has ended.
    const mayBeAdopting = redis.ledger === sql.id && redis.keyspace !== sql.keyspace;
    if (!mayBeAdopting) return decision;
    return this.database.transaction(async (runner) =>
      this.judge(await this.lockSql(runner), await this.readRedis()),
    );
  }

  private judge(sql: LedgerIdentity, redis: RedisIdentity): Decision {
    const reason = this.mismatchOf(sql, redis);
    if (reason) return { state: 'mismatch', reason };
    return { state: redis.ledger === null ? 'held' : 'bound' };
  }

  /**
   * Makes this Redis the ledger's, on an operator's word.
   *
   * @param prepare makes the chains continue with this Redis's outbox numbers, and plans what remains
   * to be done. It locks the chains' rows, which must come before that of the ledger
   * @param earlier what changes hands, named by the operator: `from`, the ledger that this Redis belongs
   * to now; `fromPrefix`, the prefix that the ledger's sessions have had
   * @throws SessionError `ERR_SESSION_LEDGER_MISMATCH` if it belongs to another ledger
   */
  async adopt(
    prepare: (runner: QueryRunner) => Promise<void>,
    earlier: EarlierOwners = {},
  ): Promise<Adoption> {
    const current = await this.readSql();
    if (isSame(current, await this.readRedis(), this.buckets)) {
      return { ledger: current.id, adopted: false };
    }
    const adoption = await this.database.transaction(async (runner) => {
      await prepare(runner);
      const sql = await this.lockSql(runner);
      const redis = await this.readRedis();
      if (redis.ledger !== null && redis.ledger !== sql.id && redis.ledger !== earlier.from) {
        throw mismatch(otherLedger(sql, redis, this.side()));
      }
      if (![null, this.buckets.prefix, earlier.fromPrefix].includes(sql.prefix)) {
        throw mismatch(otherPrefix(sql, this.side()));
      }
      if (sql.buckets !== null && sql.buckets !== this.buckets.count) {
        throw mismatch(otherBuckets(sql, this.side()));
      }
      await this.writeBinding(runner, { ...sql, keyspace: randomUUID() });
      await this.incidents.record(runner, {
        kind: 'adopted',
        details: {
          prefix: this.buckets.prefix,
          earlierPrefix: sql.prefix,
          earlierLedger: redis.ledger,
        },
      });
      return { ledger: sql.id, adopted: true };
    });
    await this.check();
    return adoption;
  }

  /**
   * Binds the two sides. Redis first: if the process dies in between, Redis names a ledger that is
   * not bound, and the next start completes it. The other way round, that ledger would be held.
   */
  private async bind(runner: QueryRunner): Promise<Decision> {
    const sql = await this.lockSql(runner);
    // Another process was faster. Judged here: `decide` may wait for the lock that this one holds.
    if (sql.keyspace !== null) return this.judge(sql, await this.readRedis());
    const { client, redis, prefix } = this.buckets;
    // Two ledgers may claim this Redis at once; their locks in SQL are different ones.
    await redis.bounded(client.hsetnx(metaKey(prefix), 'ledger', sql.id));
    await redis.bounded(client.hsetnx(metaKey(prefix), 'keyspace', randomUUID()));
    const claimed = await this.readRedis();
    if (claimed.ledger !== sql.id) {
      return { state: 'mismatch', reason: otherLedger(sql, claimed, this.side()) };
    }
    await this.writeBinding(runner, { ...sql, keyspace: claimed.keyspace });
    await this.incidents.record(runner, {
      kind: 'bound',
      details: { prefix, buckets: this.buckets.count },
    });
    return { state: 'bound' };
  }

  private async writeBinding(runner: QueryRunner, sql: LedgerIdentity): Promise<void> {
    const { client, redis, prefix, count } = this.buckets;
    await redis.bounded(
      client.hset(metaKey(prefix), {
        layout: LAYOUT_VERSION,
        buckets: String(count),
        ledger: sql.id,
        keyspace: sql.keyspace!,
        schema: this.schema,
      }),
    );
    await runner.query(
      `UPDATE ${this.tables.ledger}
       SET prefix = $1, buckets = $2, layout = $3, keyspace = $4, bound_at = clock_timestamp()`,
      [prefix, count, LAYOUT_VERSION, sql.keyspace],
    );
  }

  private async readSql(): Promise<LedgerIdentity> {
    return one(await this.database.query<LedgerIdentity>(this.select()));
  }

  private async lockSql(runner: QueryRunner): Promise<LedgerIdentity> {
    return one(await runner.query(`${this.select()} FOR UPDATE`));
  }

  private select(): string {
    return `SELECT id, prefix, buckets, keyspace FROM ${this.tables.ledger}`;
  }

  private async readRedis(): Promise<RedisIdentity> {
    const { prefix, reads } = this.buckets;
    // From a master for certain: to a replica that is still empty, the ledger would seem to be gone.
    const meta = metaKey(prefix);
    const [ledger, keyspace, schema] = await reads.reply<(string | null)[]>(
      (redis) => redis.hmget(meta, 'ledger', 'keyspace', 'schema'),
      `${meta}:proof`,
    );
    return { ledger: ledger ?? null, keyspace: keyspace ?? null, schema: schema ?? null };
  }

  /** Why the two sides don't belong together; null if they do, or if one of them is unbound. */
  private mismatchOf(sql: LedgerIdentity, redis: RedisIdentity): string | null {
    const side = this.side();
    if (redis.ledger !== null && redis.ledger !== sql.id) return otherLedger(sql, redis, side);
    if (sql.keyspace === null) return null;
    if (sql.prefix !== side.prefix) return otherPrefix(sql, side);
    if (sql.buckets !== side.count) return otherBuckets(sql, side);
    if (redis.keyspace !== null && redis.keyspace !== sql.keyspace) return otherRedis(sql, side);
    return null;
  }

  private side(): Side {
    return { prefix: this.buckets.prefix, count: this.buckets.count, schema: this.schema };
  }

  private get schema(): string {
    return this.tables.schema.slice(1, -1);
  }

  private async refused(reason: string): Promise<SessionError> {
    this.state = 'unknown';
    const { prefix, count } = this.buckets;
    const details = { prefix, buckets: count, reason };
    // A process that starts again and again, or a watch every second, must not fill the table.
    await this.recordOnce({ kind: 'binding-refused', details });
    return mismatch(reason);
  }

  /** Each process notices it by itself; one row is enough. */
  private async recordHeld(): Promise<void> {
    const last = await this.incidents.last('adopted').catch(() => null);
    await this.recordOnce({
      kind: 'held',
      details: { prefix: this.buckets.prefix, afterAdoption: last?.seq ?? null },
    });
  }

  /** Evidence is worth having, but nothing depends on it: Postgres may refuse it to this role. */
  private async recordOnce(incident: NewIncident): Promise<void> {
    try {
      if (!(await this.incidents.isRecent(incident))) await this.incidents.recordAlone(incident);
    } catch {
      // The error that it belongs to is thrown in any case.
    }
  }
}

function isSame(sql: LedgerIdentity, redis: RedisIdentity, { prefix, count }: Buckets): boolean {
  return (
    sql.keyspace !== null &&
    redis.ledger === sql.id &&
    redis.keyspace === sql.keyspace &&
    sql.prefix === prefix &&
    sql.buckets === count
  );
}

function one(rows: LedgerIdentity[]): LedgerIdentity {
  if (rows[0]) return rows[0];
  throw missingLedgerRow();
}
