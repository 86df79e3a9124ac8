import { Controller, Get, Header, Module } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { SessionHealth } from 'nest-session-ledger';
import { register } from 'prom-client';

import { RequireAdmin } from './admin/require-admin.js';

@ApiTags('Operations')
@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly sessions: SessionHealth,
  ) {}

  /** Public: the response contains numbers, but no names. */
  @ApiOperation({ summary: 'Check Redis, Postgres and the ledger' })
  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.sessions.check()]);
  }
}

/**
 * For administrators: the figures tell how many users sign in and how far the ledger is behind. A
 * deployment gives Prometheus a port of its own, which the internet doesn't reach.
 */
@ApiTags('Operations')
@RequireAdmin()
@Controller('metrics')
class MetricsController {
  @ApiOperation({ summary: 'Prometheus metrics of the sessions and the ledger' })
  @Get()
  @Header('content-type', register.contentType)
  @ApiProduces('text/plain')
  metrics(): Promise<string> {
    return register.metrics();
  }
}

@Module({
  imports: [TerminusModule],
  controllers: [HealthController, MetricsController],
})
export class HealthModule {}
