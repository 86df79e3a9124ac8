import { Module, type DynamicModule } from '@nestjs/common';

import { exportsOf } from './common-providers.js';
import {
  ConfigurableModuleClass,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './module-definition.js';
import { providersOf } from './providers.js';
import { DEFAULT_NAME } from './tokens.js';

/**
 * Sessions in Redis, with a ledger of all of them in Postgres.
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

function complete(
  definition: DynamicModule,
  { name = DEFAULT_NAME, isGlobal = true }: { name?: string; isGlobal?: boolean },
): DynamicModule {
  return {
    ...definition,
    global: isGlobal,
    providers: [...(definition.providers ?? []), ...providersOf(name)],
    exports: exportsOf(name),
  };
}
