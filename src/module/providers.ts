import { Logger, type OnApplicationShutdown, type Provider } from '@nestjs/common';

import { Ledger } from '../audit/ledger.js';
import { LedgerDatabase } from '../audit/postgres/connection.js';
import { ledgerSettings } from '../audit/postgres/schema.js';
import { Buckets } from '../store/buckets.js';
import { openRedis, type OpenedRedis } from '../store/connect.js';
import { SessionStore } from '../store/session-store.js';
import { checkRedis } from '../store/startup-checks.js';
import {
  commonProviders,
  LEDGER,
  LIVE_SESSIONS,
  OPENED_REDIS,
  OPTIONS,
  rulesOf,
} from './common-providers.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { resolveOptions, type ResolvedOptions } from './resolve-options.js';
import type { SessionModuleOptions } from './session.options.js';

/** A module's providers, in the order in which they start. */
export function providersOf(name: string): Provider[] {
  return [
    {
      provide: OPTIONS,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: SessionModuleOptions<unknown>) => resolveOptions(options, name),
    },
    { provide: OPENED_REDIS, inject: [OPTIONS], useFactory: openCheckedRedis },
    { provide: Buckets, inject: [OPTIONS, OPENED_REDIS], useFactory: toBuckets },
    {
      provide: LIVE_SESSIONS,
      inject: [OPTIONS, Buckets],
      useFactory: (options: ResolvedOptions, buckets: Buckets) =>
        new SessionStore(buckets, rulesOf(options)),
    },
    { provide: LEDGER, inject: [OPTIONS, Buckets, OPENED_REDIS], useFactory: startLedger },
    ...commonProviders(name),
    {
      provide: Lifecycle,
      inject: [LEDGER, OPENED_REDIS],
      useFactory: (ledger: Ledger, redis: OpenedRedis) => new Lifecycle(ledger, redis),
    },
  ];
}

/** Fails if this Redis can't be trusted with sessions: then the application doesn't start. */
async function openCheckedRedis(options: ResolvedOptions): Promise<OpenedRedis> {
  const opened = openRedis(options.redis, options.redisTimeout);
  try {
    const warnings = await checkRedis(toBuckets(options, opened));
    const logger = new Logger('SessionModule');
    for (const warning of warnings) logger.warn(warning);
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function toBuckets(
  { prefix, buckets, redisTimeout }: ResolvedOptions,
  { client, handover }: OpenedRedis,
): Buckets {
  return new Buckets({ client, handover, prefix, count: buckets, timeout: redisTimeout });
}

async function startLedger(
  options: ResolvedOptions,
  buckets: Buckets,
  redis: OpenedRedis,
): Promise<Ledger> {
  const { worker, schema, migrate, emptyRedis } = options.audit;
  const layout = { schema, userId: options.userId };
  const ledger = new Ledger({
    buckets,
    database: new LedgerDatabase(options.database, layout, migrate),
    settings: { ...ledgerSettings(layout), worker, adoptsEmptyRedis: emptyRedis === 'adopt' },
    hasDatabase: options.database !== undefined,
  });
  try {
    await ledger.start();
    return ledger;
  } catch (error) {
    // Nest doesn't shut down an application that failed to start.
    await ledger.stop();
    await redis.close();
    throw error;
  }
}

/**
 * Closes what the module opened. Nest calls it after the HTTP server has answered its last
 * request, so no event can follow the ledger's last flush.
 */
class Lifecycle implements OnApplicationShutdown {
  constructor(
    private readonly ledger: Ledger,
    private readonly redis: OpenedRedis,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.ledger.stop();
    await this.redis.close();
  }
}
