import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { register } from 'prom-client';

/** What Prometheus collects. Where the network doesn't keep strangers out, a deployment guards it. */
@ApiTags('Operations')
@Controller('metrics')
export class MetricsController {
  @Get()
  @Header('content-type', register.contentType)
  @ApiProduces('text/plain')
  @ApiOperation({ summary: 'Prometheus metrics of sessions and ledger.' })
  metrics(): Promise<string> {
    return register.metrics();
  }
}
