import {
  Controller,
  Get,
  Module,
  type INestApplication,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { afterAll, beforeAll } from '@jest/globals';

import { startPostgres, type PrivatePostgres } from '../../../dev/index.js';
import {
  RequireSession,
  SessionAudit,
  SessionHealth,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
} from '../../../src/index.js';
import { openApplication, type Application } from '../../support/application.js';
import { letTimePass } from '../../support/move-time.js';
import { singleRedis, type RedisUnderTest } from '../../support/redis-under-test.js';

const PREFIX = 'watched';

@Controller()
class WatchedController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly sessionHealth: SessionHealth,
  ) {}

  @Get('health')
  @HealthCheck()
  check() {
    return this.health.check([() => this.sessionHealth.check()]);
  }

  @RequireSession()
  @Get('account')
  account(): void {}
}

/** An application over its own Redis and Postgres, and what its tests need of it. */
export interface WatchedSite {
  readonly redis: RedisUnderTest;
  readonly postgres: PrivatePostgres;
  readonly url: string;
  readonly nest: INestApplication;
  readonly sessions: SessionService;
  readonly audit: SessionAudit;
  letTimePass(ms: number): Promise<void>;
}

export function useWatchedApplication(
  options: Partial<SessionModuleOptions> = {},
  more: ModuleMetadata = {},
): WatchedSite {
  let nest: INestApplication | undefined;
  let clock: Application | undefined;
  let postgres: PrivatePostgres | undefined;
  let url = '';
  let redis: RedisUnderTest | undefined;
  afterAll(async () => {
    await nest?.close();
    await clock?.close();
    await postgres?.stop();
    await redis?.stop();
  });
  beforeAll(async () => {
    [redis, postgres] = await Promise.all([singleRedis(), startPostgres()]);
    nest = await startApplication(redis, postgres.url, options, more);
    url = await nest.getUrl();
    clock = openApplication(redis, { prefix: PREFIX });
  });
  return {
    get redis() {
      return redis!;
    },
    get postgres() {
      return postgres!;
    },
    get url() {
      return url;
    },
    get nest() {
      return nest!;
    },
    get sessions() {
      return nest!.get<SessionService>(SessionService);
    },
    get audit() {
      return nest!.get(SessionAudit);
    },
    letTimePass: (ms) => letTimePass(clock!, ms),
  };
}

async function startApplication(
  redis: RedisUnderTest,
  database: string,
  options: Partial<SessionModuleOptions>,
  { providers = [] }: ModuleMetadata,
): Promise<INestApplication> {
  @Module({
    imports: [
      TerminusModule.forRoot({ logger: false }),
      SessionModule.forRoot({
        redis: redis.connection,
        database,
        prefix: PREFIX,
        audit: { migrate: true, worker: false },
        ...options,
      }),
    ],
    controllers: [WatchedController],
    providers,
  })
  class AppModule {}

  const nest = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await nest.listen(0, '127.0.0.1');
  return nest;
}
