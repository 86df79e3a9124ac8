import { Controller, HttpCode, Post } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { SessionService } from 'nest-session-ledger';
import { createClient } from 'redis';

import { ExpressSessionBridge } from './express-session.bridge.js';
import { endOldSessions } from './old-sessions.js';
import type { OldSessions } from './old-sessions-module.js';

/** express-session with connect-redis; `POST /old/sign-in` begins one of its sessions. */
export async function expressSessions(): Promise<OldSessions> {
  const client = createClient({ url: process.env.REDIS_URL! });
  await client.connect();
  const store = new RedisStore({ client });

  @Controller('end-all')
  class EndAllController {
    constructor(private readonly sessions: SessionService) {}

    @Post()
    @HttpCode(204)
    async endAll() {
      await endOldSessions(store, 'ada');
      await this.sessions.invalidateAllUserSessions('ada');
    }
  }

  return {
    module: {
      controllers: [EndAllController],
      providers: [{ provide: APP_GUARD, useClass: ExpressSessionBridge }],
    },
    prepare(app) {
      app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }));
      const http = app.getHttpAdapter().getInstance();
      http.post('/old/sign-in', (request, response) => {
        request.session.userId = 'ada';
        request.session.theme = 'dark';
        response.sendStatus(204);
      });
    },
  };
}
