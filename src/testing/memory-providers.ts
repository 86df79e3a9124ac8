import type { FactoryProvider } from '@nestjs/common';

import {
  LEDGER,
  LIVE_SESSIONS,
  OPENED_REDIS,
  OPTIONS,
  rulesOf,
} from '../module/common-providers.js';
import type { ResolvedOptions } from '../module/resolve-options.js';
import { MemorySessionStore } from './memory-session-store.js';
import { SessionTestingLedger } from './session-testing-ledger.js';

/** What a module in memory has instead of a Redis and a Postgres. */
export const memoryProviders: FactoryProvider[] = [
  {
    provide: LEDGER,
    inject: [OPTIONS],
    useFactory: (options: ResolvedOptions) => SessionTestingLedger.create(options),
  },
  {
    provide: LIVE_SESSIONS,
    inject: [OPTIONS, LEDGER],
    useFactory: (options: ResolvedOptions, { memory }: SessionTestingLedger) =>
      new MemorySessionStore(memory, rulesOf(options), options.buckets),
  },
];

/** The part of `TestingModuleBuilder` that is needed, by its shape: `@nestjs/testing` is no peer. */
interface OverridableBuilder {
  overrideProvider(token: symbol): {
    useFactory(options: { factory: (...args: never[]) => unknown; inject?: symbol[] }): unknown;
  };
}

/**
 * Keeps the sessions of every `SessionModule` of an application in memory, with the options that
 * the application gives them. Nothing connects to Redis or Postgres.
 *
 * ```ts
 * const builder = Test.createTestingModule({ imports: [AppModule] });
 * const app = (await withSessionsInMemory(builder).compile()).createNestApplication();
 * ```
 *
 * @param builder the result of `Test.createTestingModule`; returned, for chaining
 */
export function withSessionsInMemory<Builder extends OverridableBuilder>(
  builder: Builder,
): Builder {
  const unused = { client: null, close: async () => undefined };
  builder.overrideProvider(OPENED_REDIS).useFactory({ factory: () => unused });
  for (const { provide, inject, useFactory } of memoryProviders) {
    builder
      .overrideProvider(provide as symbol)
      .useFactory({ factory: useFactory, inject: inject as symbol[] });
  }
  return builder;
}
