import 'reflect-metadata';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  SessionAudit,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
} from 'nest-session-ledger';

import type { ServerUrls } from '../harness/contender.js';

/** An application that uses the package as its users do, with the audit on. */
export interface Application {
  context: INestApplicationContext;
  sessions: SessionService;
  audit: SessionAudit;
}

/** @param worker whether this process also runs the audit jobs, as it does by default */
export async function openApplication(
  servers: ServerUrls,
  worker: boolean,
  options: Partial<SessionModuleOptions> = {},
): Promise<Application> {
  const session = SessionModule.forRoot({
    redis: servers.redisUrl,
    database: servers.databaseUrl,
    audit: { worker, migrate: true },
    ...options,
  });
  @Module({ imports: [session] })
  class AppModule {}

  const context = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  return { context, sessions: context.get(SessionService), audit: context.get(SessionAudit) };
}
