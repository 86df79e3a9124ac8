import type { Buckets } from '../../store/buckets.js';
import type { KeyAudit } from '../../store/key-audit.js';
import { formatHandle, type ExpiryMember } from '../../store/session-id.js';
import { parseRecord } from '../../store/session-record.js';
import type { Drain } from '../drain/drain.js';
import type { LedgerEvent } from '../drain/event.js';
import type { LedgerWriter } from '../drain/ledger-writer.js';
import { findKnownSessions, type KnownSession } from '../drain/session-rows.js';
import type { LedgerBinding } from '../guard/ledger-binding.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import { isDataError } from '../postgres/errors.js';
import type { LedgerTables } from '../postgres/schema.js';

export interface RecoveryParts {
  buckets: Buckets;
  database: LedgerDatabase;
  tables: LedgerTables;
  drain: Drain;
  writer: LedgerWriter;
  binding: LedgerBinding;
  keys: KeyAudit;
}

/** Records sessions whose events never reached Postgres, or that Postgres has lost. */
export class Recovery {
  constructor(private readonly parts: RecoveryParts) {}

  /** What SQL knows of these sessions, in their order; undefined for one that it doesn't know. */
  async lookUp(bucket: number, sessions: ExpiryMember[]): Promise<(KnownSession | undefined)[]> {
    const { database, tables } = this.parts;
    const handles = sessions.map(({ digest }) => formatHandle({ bucket, digest }));
    const times = sessions.map(({ createdAt }) => createdAt);
    const rows = await database.transaction<KnownSession[]>((runner) =>
      runner.query(findKnownSessions(tables), [handles, times]),
    );
    const known = new Map(rows.map((row) => [row.token, row]));
    return handles.map((handle) => known.get(handle));
  }

  /** Records the sessions of a bucket that SQL doesn't know. Returns how many they were. */
  async recoverBucket(bucket: number): Promise<number> {
    let recovered = 0;
    for await (const page of this.parts.keys.indexPages(bucket)) {
      recovered += (await this.recover(bucket, page)).length;
    }
    return recovered;
  }

  /** Records those of these sessions that SQL doesn't know. Returns the handles of those recorded. */
  async recover(bucket: number, sessions: ExpiryMember[]): Promise<string[]> {
    if ((await this.unknown(bucket, sessions)).length === 0) return [];
    // Their events precede this moment: those that are still in the outbox are recorded first.
    await this.parts.drain.drainBucket(bucket, { wait: true });
    const unknown = await this.unknown(bucket, sessions);
    if (unknown.length === 0) return [];
    const events = await this.createdEvents(bucket, unknown);
    try {
      return await this.record(bucket, events);
    } catch (error) {
      if (!isDataError(error)) throw error;
      return this.recordEach(bucket, events);
    }
  }

  private async unknown(bucket: number, sessions: ExpiryMember[]): Promise<ExpiryMember[]> {
    const known = await this.lookUp(bucket, sessions);
    return sessions.filter((_, i) => !known[i]?.created);
  }

  private async createdEvents(bucket: number, sessions: ExpiryMember[]): Promise<LedgerEvent[]> {
    const digests = sessions.map(({ digest }) => digest);
    const records = await this.parts.buckets.readRecords(bucket, digests);
    return digests.flatMap((digest, i) => {
      const record = records[i];
      return record ? [createdEvent(formatHandle({ bucket, digest }), record)] : [];
    });
  }

  private async record(bucket: number, events: LedgerEvent[]): Promise<string[]> {
    const { database, writer, binding } = this.parts;
    if (events.length === 0) return [];
    await database.transaction(async (runner) => {
      const chain = await writer.waitForLock(runner, bucket);
      await binding.requireKeyspace(chain.keyspace); // after the records were read
      await writer.record(runner, chain, events);
    });
    return events.map(({ handle }) => handle);
  }

  /** Leaves out what Postgres rejects: the event of such a session is a dead letter. */
  private async recordEach(bucket: number, events: LedgerEvent[]): Promise<string[]> {
    const recorded: string[] = [];
    for (const event of events) {
      try {
        recorded.push(...(await this.record(bucket, [event])));
      } catch (error) {
        if (!isDataError(error)) throw error;
      }
    }
    return recorded;
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
