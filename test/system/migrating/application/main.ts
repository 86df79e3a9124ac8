// An application in step 2 of docs/migrating.md. `OLD_SESSIONS` says which sessions it had before.
import { Controller, Get, HttpCode, Module, Post, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request, Response } from 'express';
import {
  CurrentSession,
  CurrentUser,
  RequireSession,
  SessionCookie,
  SessionModule,
  type SessionDetails,
  type SessionUser,
} from 'nest-session-ledger';

import { betterAuthSessions } from './better-auth.js';
import { expressSessions } from './express-session.js';
import type { OldSessions } from './old-sessions-module.js';
import { passportSessions } from './passport.js';
import { tokens } from './tokens.js';

@Controller()
class AccountController {
  constructor(private readonly cookie: SessionCookie) {}

  @RequireSession()
  @Get('me')
  me(@CurrentUser() user: SessionUser, @CurrentSession() session: SessionDetails) {
    return { user: user.id, data: session.data };
  }

  @RequireSession()
  @Post('name')
  @HttpCode(204)
  rename(): void {}

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: Request, @Res({ passthrough: true }) response: Response) {
    await this.cookie.signOut(request, response);
  }
}

const ways: Record<string, () => OldSessions | Promise<OldSessions>> = {
  'express-session': expressSessions,
  passport: passportSessions,
  'better-auth': betterAuthSessions,
  tokens,
};

const old = await ways[process.env.OLD_SESSIONS!]!();

@Module({
  ...old.module,
  imports: [
    SessionModule.forRoot({
      redis: process.env.REDIS_URL!,
      database: process.env.DATABASE_URL!,
      prefix: process.env.OLD_SESSIONS!,
      idleTimeout: '30m',
      audit: {
        migrate: true,
        schema: `sessions_of_${process.env.OLD_SESSIONS!.replace('-', '_')}`,
      },
    }),
    ...(old.module.imports ?? []),
  ],
  controllers: [AccountController, ...(old.module.controllers ?? [])],
})
class AppModule {}

const app = await NestFactory.create<NestExpressApplication>(AppModule, { bodyParser: false });
old.prepare?.(app);
app.useBodyParser('json');
app.useBodyParser('urlencoded', { extended: false });
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT));
console.log('listening');
