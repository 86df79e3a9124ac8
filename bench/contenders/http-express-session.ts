import 'reflect-metadata';
import { Controller, Get, Module, Post, Req, UnauthorizedException } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RedisStore } from 'connect-redis';
import type { Request } from 'express';
import session from 'express-session';
import { createClient } from 'redis';

import type { ServerUrls } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { CLIENTS, type WebServer } from '../scenarios/http.js';
import { TWELVE_HOURS } from './peer-store.js';

let users = 0;

@Controller()
class AccountController {
  @Post('login')
  login(@Req() request: Request) {
    users += 1;
    request.session.userId = userIdOf(users);
    request.session.client = clientOf(users);
  }

  @Get('guarded')
  guarded(@Req() request: Request) {
    if (!request.session.userId) throw new UnauthorizedException();
    return { id: request.session.userId };
  }
}

@Module({ controllers: [AccountController] })
class WebModule {}

/** express-session and connect-redis in Nest, tuned: a session is saved at sign-in only. */
export async function open(servers: ServerUrls): Promise<WebServer> {
  const client = createClient({ url: servers.redisUrl });
  await client.connect();
  const app = await NestFactory.create(WebModule, { logger: ['error'] });
  app.use(
    session({
      store: new RedisStore({ client, prefix: 'peer:', disableTouch: true }),
      secret: 'a secret of the benchmark',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: TWELVE_HOURS },
    }),
  );
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const cookies: string[] = [];
  for (let i = 0; i < CLIENTS; i += 1) {
    const answer = await fetch(`${url}/login`, { method: 'POST' });
    cookies.push(answer.headers.getSetCookie()[0]!.split(';')[0]!);
  }
  return { listen: async () => ({ url, cookies }) };
}
