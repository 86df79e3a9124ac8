import { ledgerSettings, type LedgerLayout, type LedgerTables } from '../audit/postgres/schema.js';
import { LedgerDatabase } from '../audit/postgres/connection.js';
import { auditParts } from '../audit/audit-parts.js';
import { readHealthIssues, SessionAudit } from '../audit/session-audit.js';
import { Buckets } from '../store/buckets.js';
import type { Environment } from './environment.js';
import { connectRedis, idleRedis, readBuckets, REDIS_TIMEOUT } from './operator-redis.js';

/** Connections to the ledger for one command. */
export interface OpenLedger {
  audit: SessionAudit;
  database: LedgerDatabase;
  /** The shape of the tables, by the environment. */
  layout: LedgerLayout;
  countDeadLetters(): Promise<number>;
  close(): Promise<void>;
}

/** Connects to the servers that the environment names. */
export async function openLedger(environment: Environment): Promise<OpenLedger> {
  const { redis, layout, needsTables } = environment;
  const client = redis ? await connectRedis(redis) : idleRedis();
  const database = new LedgerDatabase(connectionOf(environment), layout, false);
  const close = async () => {
    client.disconnect();
    await database.close();
  };
  try {
    const settings = ledgerSettings(layout);
    // Fails early if Postgres or its tables are missing: flushing an empty backlog asks neither.
    if (needsTables) await database.query(`SELECT FROM ${settings.tables.chains} LIMIT 1`);
    // A Redis that was emptied no longer knows the number of buckets; the tables do.
    const bound = needsTables ? await readBoundBuckets(database, settings.tables) : null;
    const count = redis ? await readBuckets(client, environment, bound) : 1;
    const { prefix } = environment;
    const buckets = new Buckets({ client, prefix, count, timeout: REDIS_TIMEOUT });
    return {
      audit: new SessionAudit(auditParts(buckets, database, settings)),
      database,
      layout,
      async countDeadLetters() {
        return (await readHealthIssues(database, settings.tables)).deadLetters;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A change of the tables may take longer than a query, and waits for another process's change.
 * TypeORM's default logger prints a failed migration to standard output.
 */
function connectionOf({ databaseUrl: url, needsTables }: Environment) {
  return url && !needsTables ? { url, logger: 'debug' as const, extra: { query_timeout: 0 } } : url;
}

async function readBoundBuckets(
  database: LedgerDatabase,
  { ledger }: LedgerTables,
): Promise<number | null> {
  const [row] = await database.query<{ buckets: number | null }>(`SELECT buckets FROM ${ledger}`);
  return row?.buckets ?? null;
}
