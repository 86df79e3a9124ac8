import 'reflect-metadata';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import {
  CurrentUser,
  RequireSession,
  SessionModule,
  SessionService,
  type SessionUser,
} from 'nest-session-ledger';

import type { Place } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample.js';
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

/** An application's module with a guarded route and a bare one. */
export function webModule(place: Place) {
  const session = SessionModule.forRoot({
    redis: place.redisUrl,
    database: place.databaseUrl,
    audit: { worker: false, migrate: true },
    cookie: { secure: false },
  });
  @Module({ imports: [session], controllers: [AccountController] })
  class WebModule {}
  return WebModule;
}

/** Signs clients in and starts to listen. */
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
