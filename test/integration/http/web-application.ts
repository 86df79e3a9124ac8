import { Module, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { NestFactory } from '@nestjs/core';

import {
  getSessionServiceToken,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
} from '../../../src/index.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';
import { issuedIds } from '../../support/issued-ids.js';
import {
  AccountController,
  DerivedController,
  members,
  SessionController,
  StaffController,
  StaffSessionController,
  type Member,
} from './accounts.js';

export type Platform = 'Express' | 'Fastify';

/** A Nest application that is listening. */
export interface WebApplication {
  readonly url: string;
  readonly nest: INestApplication;
  readonly sessions: SessionService<Member>;
  readonly staffSessions: SessionService;
  close(): Promise<void>;
}

export const PREFIX = 'web';

/** What a test adds to the common application. */
export interface Extras {
  options?: Partial<SessionModuleOptions<Member>>;
  module?: ModuleMetadata;
  /** Called before the application listens. */
  prepare?: (nest: INestApplication) => unknown;
}

export async function startWebApplication(
  platform: Platform,
  redis: RedisUnderTest,
  more: Extras = {},
): Promise<WebApplication> {
  const connection = { redis: redis.connection, audit: { worker: false } };
  const { imports = [], controllers = [], providers = [] } = more.module ?? {};
  @Module({
    imports: [
      SessionModule.forRoot({
        ...connection,
        prefix: PREFIX,
        users: { findById: async (id: string) => members.get(id) ?? null },
        ...more.options,
      }),
      SessionModule.forRoot({ ...connection, name: 'staff' }),
      ...imports,
    ],
    controllers: [
      AccountController,
      DerivedController,
      SessionController,
      StaffController,
      StaffSessionController,
      ...controllers,
    ],
    providers,
  })
  class AppModule {}

  const adapter = platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter();
  const nest = await NestFactory.create(AppModule, adapter, {
    logger: false,
    forceCloseConnections: true,
    abortOnError: false,
  });
  await more.prepare?.(nest);
  await nest.listen(0, '127.0.0.1');
  const url = await nest.getUrl();
  const sessions = nest.get<SessionService<Member>>(SessionService);
  const staffSessions = nest.get<SessionService>(getSessionServiceToken('staff'));
  return { url, nest, sessions, staffSessions, close: () => nest.close() };
}

/** The response to a request. */
export interface Answer {
  status: number;
  headers: Headers;
  body: never;
}

export async function ask(
  app: { url: string },
  request: string,
  headers: Record<string, string> = {},
  body?: object,
): Promise<Answer> {
  const [method, path] = request.split(' ');
  const response = await fetch(app.url + path, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
    redirect: 'manual',
  });
  const text = await response.text();
  const { status } = response;
  const parsed = text === '' ? undefined : JSON.parse(text);
  if (typeof parsed?.id === 'string' && parsed.id.length === 45) issuedIds.add(parsed.id);
  return { status, headers: response.headers, body: parsed as never };
}

/** Signs in like a browser and returns its `Cookie` header. */
export async function signIn(app: { url: string }, userId = 'ada'): Promise<string> {
  const { headers } = await ask(app, 'POST /session', {}, { userId });
  return headers.getSetCookie()[0]!.split(';')[0]!;
}

export function bearer(id: string) {
  return { authorization: `Bearer ${id}` };
}
