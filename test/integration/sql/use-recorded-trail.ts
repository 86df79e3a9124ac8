import { afterEach, beforeAll } from '@jest/globals';
import { Client } from 'pg';

import type { SessionAudit, SessionService } from '../../../src/index.js';
import type { LedgerBreak } from '../../../src/audit/queries/verifier.js';
import { startNestProcess, type NestProcess } from '../../support/nest-application.js';
import { useServers } from '../../support/use-servers.js';
import { recipe } from './recipes.js';

/** A trail of real sessions that tests tamper with. It is restored after each test. */
export interface RecordedTrail {
  readonly sessions: SessionService;
  readonly audit: SessionAudit;
  readonly client: Client;
  /** Runs a statement as a superuser with triggers disabled. */
  tamper(sql: string, args?: unknown[]): Promise<void>;
  /** Returns the breaks that `SessionAudit.verify()` finds. */
  verify(): Promise<LedgerBreak[]>;
  /** Returns the breaks that the statement of docs/sql.md finds. */
  verifyBySql(): Promise<LedgerBreak[]>;
  /** Restores the trail as it was recorded. */
  restore(): Promise<void>;
}

/** Two buckets: more than one chain, each of them long. */
const BUCKETS = 2;

export function useRecordedTrail(): RecordedTrail {
  const servers = useServers({ postgres: true });
  let app: NestProcess | undefined;
  let client: Client | undefined;

  beforeAll(async () => {
    app = await startNestProcess({
      redis: servers.redis.servers[0]!.url,
      database: servers.postgres.url,
      buckets: BUCKETS,
      audit: { migrate: true, worker: false },
    });
    await recordSessions(app);
    client = new Client({ connectionString: servers.postgres.url });
    await client.connect();
    await client.query(`
      CREATE TABLE recorded_events AS SELECT * FROM session_events;
      CREATE TABLE recorded_chains AS SELECT * FROM session_chains`);
  });
  afterEach(() => trail.restore());
  servers.beforeStop(async () => {
    await client?.end();
    await app?.close();
  });

  const trail: RecordedTrail = {
    get sessions() {
      return app!.sessions;
    },
    get audit() {
      return app!.audit;
    },
    get client() {
      return client!;
    },

    async tamper(sql, args) {
      await client!.query('SET session_replication_role = replica');
      await client!.query(sql, args).finally(() => client!.query('RESET session_replication_role'));
    },
    verify: async () => (await trail.audit.verify()).breaks,
    verifyBySql: async () => (await client!.query<LedgerBreak>(recipe('The whole ledger'))).rows,
    async restore() {
      await trail.tamper(`
        TRUNCATE session_events, session_chains;
        INSERT INTO session_events SELECT * FROM recorded_events;
        INSERT INTO session_chains SELECT * FROM recorded_chains`);
    },
  };
  return trail;
}

/** Creates, rotates, destroys and revokes sessions, in several batches of the drain. */
async function recordSessions({ sessions, audit }: NestProcess): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    for (let user = 0; user < 12; user += 1) {
      const userId = `user${user}`;
      const client = { ip: '192.0.2.7', userAgent: 'Firefox' };
      const session = await sessions.createSession({ userId, client });
      const other = await sessions.createSession({ userId });
      await sessions.rotateSession(other.id);
      await sessions.destroySession(session.id, { reason: 'logout', actor: userId });
    }
    await sessions.invalidateAllUserSessions('user0', { reason: 'revoked', actor: 'admin' });
    await audit.flush();
  }
}
