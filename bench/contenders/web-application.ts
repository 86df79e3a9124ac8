import 'reflect-metadata';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import {
  CurrentUser,
  RequireSession,
  SessionModule,
  SessionService,
  type SessionUser,
} from 'nest-session-ledger';

import type { ServerUrls } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { CLIENTS, type WebServer } from '../scenarios/http.js';

@Controller()
class AccountController {
  @RequireSession()
  @Get('guarded')
  guarded(@CurrentUser() user: SessionUser) {
    return { id: user.id };
  }

  @Get('bare')
  bare() {
    return { id: userIdOf(1) };
  }
}

/** The module of an application with a guarded route and a bare one. */
export function webModule(servers: ServerUrls) {
  const session = SessionModule.forRoot({
    redis: servers.redisUrl,
    database: servers.databaseUrl,
    audit: { worker: false, migrate: true },
    cookie: { secure: false },
  });
  @Module({ imports: [session], controllers: [AccountController] })
  class WebModule {}
  return WebModule;
}

/** Starts listening, and signs clients in. */
export async function serve(app: INestApplication): Promise<WebServer> {
  await app.listen(0, '127.0.0.1');
  const sessions = app.get(SessionService);
  const cookies: string[] = [];
  for (let user = 0; user < CLIENTS; user += 1) {
    const { id } = await sessions.createSession({ userId: userIdOf(user), client: clientOf(user) });
    cookies.push(`session=${id}`);
  }
  const url = await app.getUrl();
  return { listen: async () => ({ url, cookies }) };
}
