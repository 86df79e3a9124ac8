import type { Provider } from '@nestjs/common';

import { ledgerSettings } from '../audit/postgres/schema.js';
import { Ledger } from '../audit/ledger.js';
import { LedgerDatabase } from '../audit/postgres/ledger-database.js';
import { getSessionAuditToken } from '../audit/session-audit.tokens.js';
import { OPENED_REDIS, SESSION_SETTINGS } from './providers.js';
import type { SessionSettings } from './resolve-options.js';
import type { OpenedRedis } from '../store/connect.js';
import { SessionStore } from '../store/session-store.js';

/** The SQL side: the jobs and `SessionAudit`. */
export function ledgerProviders(name: string): Provider[] {
  return [
    {
      provide: Ledger,
      inject: [SESSION_SETTINGS, SessionStore, OPENED_REDIS],
      useFactory: startLedger,
    },
    {
      provide: getSessionAuditToken(name),
      inject: [Ledger],
      useFactory: ({ audit }: Ledger) => audit,
    },
  ];
}

async function startLedger(
  settings: SessionSettings,
  store: SessionStore,
  redis: OpenedRedis,
): Promise<Ledger> {
  const { worker, schema, migrate } = settings.audit;
  const layout = { schema, userId: settings.userId };
  const ledger = new Ledger({
    store,
    database: new LedgerDatabase(settings.database, layout, migrate),
    settings: {
      ...ledgerSettings(layout),
      prefix: settings.prefix,
      worker,
    },
  });
  try {
    await ledger.start();
    return ledger;
  } catch (error) {
    // An application that doesn't start isn't shut down either.
    await ledger.stop();
    await redis.close();
    throw error;
  }
}
