import { NestFactory } from '@nestjs/core';

import type { ServerUrls } from '../harness/contender.js';
import type { WebServer } from '../scenarios/http.js';
import { serve, webModule } from './web-application.js';

/** Nest on Express. */
export async function open(servers: ServerUrls): Promise<WebServer> {
  return serve(await NestFactory.create(webModule(servers), { logger: ['error'] }));
}
