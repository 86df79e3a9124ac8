import { setTimeout as delay } from 'node:timers/promises';

import type { Client } from 'pg';

import type { CampaignContext, FaultKind } from '../campaign-context.js';
import type { ForgottenEvent } from '../checker/evidence.js';
import { DataCopy } from '../data-copy.js';
import { now } from '../history.js';
import { EVENT_COLUMNS, withPostgres } from '../read-evidence.js';
import { checkMending } from './rollback.js';

/** More than a drainer can hold a chain: one that has frozen loses it after 10 s (ms). */
const LOCK_TIMEOUT = 15_000;

/** What a later Postgres has recorded, and will have forgotten. $1 since (ms since 1970) */
const RECENT = `
SELECT ${EVENT_COLUMNS}, s.user_agent AS "userAgent"
FROM session_events e
LEFT JOIN sessions s ON s.token = e.token AND s.created_at = e.session_created_at
WHERE e.recorded_at >= timestamptz 'epoch' + $1::float8 * interval '1 ms'`;

/**
 * Postgres is killed and goes back to its data of a moment ago, as after the promotion of an
 * asynchronous standby or a restored backup. The application keeps running.
 */
const postgresRolledBack: FaultKind = {
  name: 'postgres-rolled-back',
  on: 'both',
  weight: 0.5,
  inject: async (context) => {
    const { servers, traffic } = context;
    await servers.historyLock.hold(() =>
      traffic.withoutReconciling(async () => {
        await goBack(context);
        await checkMending(context);
      }),
    );
  },
};

async function goBack({ servers, random, damages, problems }: CampaignContext): Promise<void> {
  const { postgres, postgresLock } = servers;
  const from = now();
  const earlier = await postgresLock.hold(() => DataCopy.ofPostgres(postgres));
  await delay(random.between(100, 3_000));
  await postgresLock.hold(() =>
    withPostgres(postgres.url, async (client) => {
      const forgotten = await stopDrains(client, from);
      await postgres.kill();
      await earlier.restore();
      await delay(random.between(0, 300));
      await postgres.restart().catch((error: unknown) => problems.push(String(error)));
      damages.postgresLosses.push({ from, to: now(), forgotten });
    }),
  );
}

/**
 * Locks all chains, so that nothing is committed any more that is missing in what this returns: what
 * has been recorded since the copy. The kill ends the transaction.
 */
async function stopDrains(client: Client, since: number): Promise<ForgottenEvent[]> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT}`);
  await client.query('SELECT FROM session_chains ORDER BY chain FOR UPDATE');
  // A row's time is that of the lock of its chain, which precedes the commit.
  const { rows } = await client.query<ForgottenEvent>(RECENT, [since - LOCK_TIMEOUT]);
  return rows;
}

export const postgresRollbackKinds: FaultKind[] = [postgresRolledBack];
