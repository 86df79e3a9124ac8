import type { Buckets } from '../../store/buckets.js';
import { formatHandle, type ExpiryMember } from '../../store/session-id.js';
import { parseRecord } from '../../store/session-record.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import type { Drain } from '../drain/drain.js';
import type { LedgerEvent } from '../drain/event.js';
import type { LedgerWriter } from '../drain/ledger-writer.js';
import { findKnownSessions, type KnownSession } from '../drain/session-rows.js';
import type { LedgerBinding } from '../guard/ledger-binding.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';

export interface RecoveryParts {
  buckets: Buckets;
  database: LedgerDatabase;
  tables: LedgerTables;
  upkeep: SessionUpkeep;
  drain: Drain;
  writer: LedgerWriter;
  binding: LedgerBinding;
}

/** Records sessions whose events never reached Postgres, or that Postgres has lost. */
export class Recovery {
  constructor(private readonly parts: RecoveryParts) {}

  /** Records the sessions that live in Redis and that SQL doesn't know. */
  async recoverBucket(bucket: number): Promise<number> {
    let recovered = 0;
    for await (const page of this.parts.upkeep.scan(bucket)) {
      // Their events precede this moment: those that are still in the outbox are recorded first.
      await this.parts.drain.drainBucket(bucket, { wait: true });
      const unknown = await this.unknownInSql(bucket, page);
      if (unknown.length > 0) recovered += await this.recover(bucket, unknown);
    }
    return recovered;
  }

  private async unknownInSql(bucket: number, page: ExpiryMember[]): Promise<ExpiryMember[]> {
    const { database, tables } = this.parts;
    const handles = page.map(({ digest }) => formatHandle({ bucket, digest }));
    const times = page.map(({ createdAt }) => createdAt);
    const known = await database.transaction<KnownSession[]>((runner) =>
      runner.query(findKnownSessions(tables), [handles, times]),
    );
    const created = new Set(known.filter((row) => row.created).map(({ token }) => token));
    return page.filter((_, i) => !created.has(handles[i]!));
  }

  private async recover(bucket: number, sessions: ExpiryMember[]): Promise<number> {
    const { database, writer, buckets, binding } = this.parts;
    const digests = sessions.map(({ digest }) => digest);
    const records = await buckets.readRecords(bucket, digests);
    const events = digests.flatMap((digest, i) => {
      const record = records[i];
      return record ? [createdEvent(formatHandle({ bucket, digest }), record)] : [];
    });
    return database.transaction(async (runner) => {
      const chain = await writer.waitForLock(runner, bucket);
      await binding.requireKeyspace(chain.keyspace); // after the records were read
      return (await writer.record(runner, chain, events)).recorded;
    });
  }
}

/** The `created` event of a session that only Redis knows. */
function createdEvent(handle: string, text: string): LedgerEvent {
  const { createdAt, userId, expiresAt, ip, userAgent } = parseRecord(text);
  return {
    outboxNumber: null,
    event: 'created',
    isDeclared: false,
    handle,
    sessionCreatedAt: createdAt,
    userId,
    occurredAt: createdAt,
    expiresAt,
    reason: 'recovered',
    actor: null,
    ip: ip || null,
    userAgent: userAgent || null,
  };
}
