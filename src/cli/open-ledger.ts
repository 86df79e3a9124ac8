import { auditParts } from '../audit/audit-parts.js';
import { ledgerSettings } from '../audit/postgres/schema.js';
import { LedgerDatabase } from '../audit/postgres/ledger-database.js';
import { SessionAudit } from '../audit/session-audit.js';
import { countHealthIssues } from '../audit/sql/count-trouble.js';
import type { RedisClient } from '../store/bounded-redis.js';
import { SessionStore } from '../store/session-store.js';
import type { Environment } from './environment.js';
import { connectRedis, idleRedis, readBuckets, REDIS_TIMEOUT } from './operator-redis.js';

/** The audit trail, opened for one command. */
export interface OpenLedger {
  audit: SessionAudit;
  /** Dead letters that wait. */
  countDeadLetters(): Promise<number>;
  close(): Promise<void>;
}

/** Opens what the command needs. */
export async function openLedger(environment: Environment): Promise<OpenLedger> {
  const { redisUrl, databaseUrl, layout } = environment;
  const client = redisUrl ? await connectRedis(redisUrl) : idleRedis();
  const database = new LedgerDatabase(databaseUrl, layout, false);
  const close = async () => {
    client.disconnect();
    await database.close();
  };
  try {
    const buckets = redisUrl ? await readBuckets(client, environment) : 1;
    const settings = ledgerSettings(layout);
    // Else a flush of nothing would say that all is well with a Postgres that isn't there.
    if (databaseUrl) await database.query(`SELECT FROM ${settings.tables.chains} LIMIT 1`);
    const store = storeOf(client, environment.prefix, buckets);
    return {
      audit: new SessionAudit(auditParts(store, database, settings)),
      async countDeadLetters() {
        const [trouble] = await database.query<{ dead_letters: string }>(
          countHealthIssues(settings.tables),
        );
        return Number(trouble!.dead_letters);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The rules are those of beginning a session, which no command does. */
function storeOf(client: RedisClient, prefix: string, buckets: number): SessionStore {
  return new SessionStore({
    client,
    prefix,
    buckets,
    timeout: REDIS_TIMEOUT,
    rules: {
      maxLifetime: 0,
      idleTimeout: 0,
      maxSessionsPerUser: 0,
      overflow: 'reject',
      backlogLimit: 0,
    },
  });
}
