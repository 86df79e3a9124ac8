import { ConfigurableModuleBuilder, Module, type DynamicModule } from '@nestjs/common';

import { commonProviders, exportsOf, OPTIONS } from '../module/common-providers.js';
import type { SessionModuleExtras } from '../module/module-definition.js';
import { resolveOptions } from '../module/resolve-options.js';
import type { SessionModuleOptions } from '../module/session.options.js';
import { DEFAULT_NAME } from '../module/tokens.js';
import type { SessionUser } from '../session/session.js';
import { memoryProviders } from './memory-providers.js';

/** The options of `SessionModule`, without those about Redis and Postgres. */
export type SessionTestingOptions<TUser = SessionUser> = Omit<
  SessionModuleOptions<TUser>,
  'redis' | 'database' | 'audit' | 'prefix' | 'redisTimeout'
>;

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SessionTestingOptions<unknown>>({ moduleName: 'SessionTesting' })
    .setClassMethodName('forRoot')
    .setExtras<SessionModuleExtras>({ name: DEFAULT_NAME, isGlobal: true })
    .build();

/**
 * `SessionModule` for unit tests: the same services, guard and rules, with the sessions in memory.
 * It needs no server, and `Date.now()` is its clock, so fake timers let sessions expire.
 *
 * ```ts
 * const module = await Test.createTestingModule({
 *   imports: [SessionTestingModule.forRoot({ idleTimeout: '30m' })],
 *   controllers: [AccountController],
 * }).compile();
 * ```
 *
 * `SessionTestingLedger.of(module)` tells who was signed in, and why each session ended.
 */
@Module({})
export class SessionTestingModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return complete(super.forRoot(options), options);
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return complete(super.forRootAsync(options), options);
  }
}

function complete(
  definition: DynamicModule,
  { name = DEFAULT_NAME, isGlobal = true }: SessionModuleExtras,
): DynamicModule {
  const options = {
    provide: OPTIONS,
    inject: [MODULE_OPTIONS_TOKEN],
    useFactory: (given: SessionTestingOptions<unknown>) => resolveOptions(inMemory(given), name),
  };
  return {
    ...definition,
    global: isGlobal,
    providers: [
      ...(definition.providers ?? []),
      options,
      ...memoryProviders,
      ...commonProviders(name),
    ],
    exports: exportsOf(name),
  };
}

/** Neither is ever opened. With a database, `SessionHealth` reports the ledger as up. */
function inMemory(options: SessionTestingOptions<unknown>): SessionModuleOptions<unknown> {
  return { ...options, redis: 'in memory', database: 'in memory', audit: {} };
}
