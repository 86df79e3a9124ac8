import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import { SessionHealth } from 'nest-session-ledger';

@ApiTags('Operations')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly sessions: SessionHealth,
  ) {}

  /** Numbers and no names, so it needs no sign-in. */
  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.sessions.check()]);
  }
}
