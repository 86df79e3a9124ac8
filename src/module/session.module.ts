import { Module, type DynamicModule } from '@nestjs/common';

import { Ledger } from '../audit/ledger.js';
import { getSessionAuditToken } from '../audit/session-audit.tokens.js';
import { getSessionCookieToken } from '../http/session-cookie.token.js';
import { httpProviders } from './http-providers.js';
import { getSessionHealthToken } from '../observability/session-health.token.js';
import { ledgerProviders } from './ledger-providers.js';
import { SessionLifecycle } from './lifecycle.js';
import {
  ConfigurableModuleClass,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './module-definition.js';
import { observabilityProviders } from './observability-providers.js';
import { OPENED_REDIS, sessionProviders } from './providers.js';
import { DEFAULT_NAME } from './resolve-options.js';
import { getSessionServiceToken } from './tokens.js';

/**
 * Sessions in Redis, with a ledger of every one of them in Postgres.
 *
 * ```ts
 * @Module({ imports: [SessionModule.forRoot({ redis: REDIS_URL, database: DATABASE_URL })] })
 * export class AppModule {}
 * ```
 */
@Module({})
export class SessionModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    return complete(super.forRoot(options), options);
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return complete(super.forRootAsync(options), options);
  }
}

/** Adds the providers, in the order that a request and its event pass them. */
function complete(
  definition: DynamicModule,
  { name = DEFAULT_NAME, isGlobal = true }: { name?: string; isGlobal?: boolean },
): DynamicModule {
  return {
    ...definition,
    global: isGlobal,
    providers: [
      ...(definition.providers ?? []),
      ...sessionProviders(name),
      ...httpProviders(name),
      ...ledgerProviders(name),
      ...observabilityProviders(name),
      {
        provide: SessionLifecycle,
        inject: [Ledger, OPENED_REDIS],
        useFactory: (ledger, redis) => new SessionLifecycle(ledger, redis),
      },
    ],
    // The classes are the default module's tokens; those of a module with a name bear the name.
    exports: [
      getSessionServiceToken(name),
      getSessionCookieToken(name),
      getSessionAuditToken(name),
      getSessionHealthToken(name),
    ],
  };
}
