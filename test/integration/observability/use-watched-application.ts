import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { beforeAll } from '@jest/globals';

import type { PrivatePostgres } from '../../../dev/index.js';
import {
  RequireSession,
  SessionHealth,
  type SessionAudit,
  type SessionModuleOptions,
  type SessionService,
} from '../../../src/index.js';
import { letTimePass } from '../../support/move-time.js';
import { startHttpApplication, type HttpApplication } from '../../support/nest-application.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';
import { useServers } from '../../support/use-servers.js';

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

/** An application with a health check, and its servers. It runs no audit worker. */
export interface WatchedApplication {
  readonly redis: RedisUnderTest;
  readonly postgres: PrivatePostgres;
  readonly app: HttpApplication;
  readonly url: string;
  readonly sessions: SessionService;
  readonly audit: SessionAudit;
  letTimePass(ms: number): Promise<void>;
}

export function useWatchedApplication(
  options: Partial<SessionModuleOptions> = {},
): WatchedApplication {
  let app: HttpApplication | undefined;
  const servers = useServers({ postgres: true });
  beforeAll(async () => {
    const urls = { redis: servers.redis.connection, database: servers.postgres.url };
    const audit = { migrate: true, worker: false };
    app = await startHttpApplication(
      { ...urls, audit, prefix: 'watched', ...options },
      { imports: [TerminusModule.forRoot({ logger: false })], controllers: [WatchedController] },
    );
  });
  servers.beforeStop(() => app?.close());

  return {
    get redis() {
      return servers.redis;
    },
    get postgres() {
      return servers.postgres;
    },
    get app() {
      return app!;
    },
    get url() {
      return app!.url;
    },
    get sessions() {
      return app!.sessions;
    },
    get audit() {
      return app!.audit;
    },
    letTimePass: (ms) => letTimePass(app!, ms),
  };
}
