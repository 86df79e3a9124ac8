import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

import type { ServerUrls } from '../harness/contender.js';
import type { WebServer } from '../scenarios/http.js';
import { serve, webModule } from './web-application.js';

/** Nest on Fastify. */
export async function open(servers: ServerUrls): Promise<WebServer> {
  return serve(
    await NestFactory.create(webModule(servers), new FastifyAdapter(), { logger: ['error'] }),
  );
}
