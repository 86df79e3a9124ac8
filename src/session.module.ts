import { Module, type DynamicModule, type Provider } from '@nestjs/common';

import { Ledger } from './audit/ledger.js';
import { SessionAudit } from './audit/session-audit.js';
import { getSessionAuditToken } from './audit/session-audit.tokens.js';
import { ledgerProviders } from './session.ledger-providers.js';
import { SessionLifecycle } from './session.lifecycle.js';
import {
  ConfigurableModuleClass,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './session.module-definition.js';
import { OPENED_REDIS, sessionProviders } from './session.providers.js';
import { DEFAULT_NAME } from './session.settings.js';
import { SessionService } from './session/session.service.js';
import { getSessionServiceToken } from './session/session.tokens.js';

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
  const named = namedProviders(name);
  return {
    ...definition,
    global: isGlobal,
    providers: [
      ...(definition.providers ?? []),
      ...sessionProviders(name),
      ...ledgerProviders(),
      ...named,
      {
        provide: SessionLifecycle,
        inject: [Ledger, OPENED_REDIS],
        useFactory: (ledger, redis) => new SessionLifecycle(ledger, redis),
      },
    ],
    exports: name === DEFAULT_NAME ? [SessionService, SessionAudit] : named.map(tokenOf),
  };
}

/** Modules with a name are told apart by their tokens; the classes belong to the default one. */
function namedProviders(name: string): Provider[] {
  if (name === DEFAULT_NAME) return [];
  return [
    { provide: getSessionServiceToken(name), useExisting: SessionService },
    { provide: getSessionAuditToken(name), useExisting: SessionAudit },
  ];
}

function tokenOf(provider: Provider) {
  return typeof provider === 'function' ? provider : provider.provide;
}
