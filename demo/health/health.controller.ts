import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiOkResponse, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { SessionAudit, type LedgerHealth } from 'nest-session-ledger';

/** Events older than this, ms, should long be in Postgres. */
const TOO_OLD = 30_000;

@ApiTags('Operations')
@Controller()
export class HealthController {
  constructor(private readonly audit: SessionAudit) {}

  /** Whether Redis and Postgres answer, and the ledger keeps up. */
  @Get('health')
  @ApiOkResponse({ description: 'All is well.' })
  @ApiServiceUnavailableResponse({ description: 'Something is not.' })
  async health(): Promise<{ status: string; ledger: LedgerHealth }> {
    const ledger = await this.audit.health();
    if (ledger.oldestAge <= TOO_OLD && ledger.deadLetters === 0) return { status: 'ok', ledger };
    throw new ServiceUnavailableException({ status: 'error', ledger });
  }
}
