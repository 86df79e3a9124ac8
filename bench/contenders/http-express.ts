import { NestFactory } from '@nestjs/core';

import type { Place } from '../harness/contender.js';
import type { WebServer } from '../scenarios/http.js';
import { serve, webModule } from './web-application.js';

/** Nest on Express. */
export async function open(place: Place): Promise<WebServer> {
  return serve(await NestFactory.create(webModule(place), { logger: ['error'] }));
}
