import {
  Module,
  type INestApplication,
  type INestApplicationContext,
  type DynamicModule,
  type LoggerService,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

import {
  SessionAudit,
  SessionModule,
  SessionService,
  type SessionModuleExtras,
  type SessionModuleOptions,
  type SessionUser,
} from '../../src/index.js';
import { SessionTestingModule } from '../../src/testing/index.js';
import { Buckets } from '../../src/store/buckets.js';
import { trackIds } from './issued-ids.js';

/** One process of a Nest application with the whole `SessionModule`. */
export interface NestProcess<User = SessionUser> {
  readonly nest: INestApplicationContext;
  readonly sessions: SessionService<User>;
  readonly audit: SessionAudit;
  readonly buckets: Buckets;
  /** Shuts down as Nest does on SIGTERM. Returns how long that took (ms). */
  close(): Promise<number>;
}

/** A process that serves HTTP on a free port. */
export interface HttpApplication<User = SessionUser> extends NestProcess<User> {
  readonly nest: INestApplication;
  readonly url: string;
}

export type Platform = 'Express' | 'Fastify';

/** What an HTTP application has besides the `SessionModule`. */
export interface HttpOptions extends ModuleMetadata {
  platform?: Platform;
  /** Called before the application listens. */
  prepare?: (nest: INestApplication) => unknown;
}

/** A `SessionModule`; in the project `memory`, the one for unit tests, with the same options. */
export function sessionModule<User>(
  options: SessionModuleOptions<User> & SessionModuleExtras,
): DynamicModule {
  const module = globalThis.REDIS === 'memory' ? SessionTestingModule : SessionModule;
  return module.forRoot(options as SessionModuleOptions<unknown>);
}

/** Starts a process without HTTP. Its log lines go to `logger`, by default nowhere. */
export async function startNestProcess<User = SessionUser>(
  options: SessionModuleOptions<User>,
  logger: LoggerService | false = false,
): Promise<NestProcess<User>> {
  const module = sessionModule(options);
  const settings = { logger, abortOnError: false } as const;
  const nest = await NestFactory.createApplicationContext(module, settings);
  return { nest, ...partsOf<User>(nest, options.prefix) };
}

export async function startHttpApplication<User = SessionUser>(
  options: SessionModuleOptions<User>,
  { platform = 'Express', prepare, imports = [], ...rest }: HttpOptions = {},
): Promise<HttpApplication<User>> {
  @Module({ imports: [sessionModule(options), ...imports], ...rest })
  class AppModule {}

  const adapter = platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter();
  const settings = { logger: false, forceCloseConnections: true, abortOnError: false } as const;
  const nest = await NestFactory.create(AppModule, adapter, settings);
  await prepare?.(nest);
  await nest.listen(0, '127.0.0.1');
  return { nest, url: await nest.getUrl(), ...partsOf<User>(nest, options.prefix) };
}

function partsOf<User>(nest: INestApplicationContext, prefix = 'session') {
  // An application may have several session modules, each with its own Buckets; in memory, none.
  const all = globalThis.REDIS === 'memory' ? [] : nest.get(Buckets, { strict: false, each: true });
  let closing: Promise<number> | undefined;
  return {
    sessions: trackIds<User>(nest.get(SessionService)),
    audit: nest.get(SessionAudit),
    buckets: all.find((buckets) => buckets.prefix === prefix)!,
    close: () => (closing ??= timedClose(nest)),
  };
}

async function timedClose(nest: INestApplicationContext): Promise<number> {
  const start = performance.now();
  await nest.close();
  return performance.now() - start;
}
