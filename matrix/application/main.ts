/**
 * An application that uses the package as the README shows: `npm run matrix` compiles and runs it in
 * each corner. It checks itself, prints a line, and runs until it gets a signal.
 */
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Body, Controller, Get, Injectable, Module, Post, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  CurrentSession,
  CurrentUser,
  Public,
  RequireSession,
  SessionAudit,
  SessionCookie,
  SessionError,
  SessionHealth,
  SessionModule,
  SessionService,
  type HttpRequest,
  type HttpResponse,
  type SessionDetails,
  type UserLoader,
} from 'nest-session-ledger';

interface User {
  id: string;
  name: string;
}

@Injectable()
class Users implements UserLoader<User> {
  async findById(id: string): Promise<User | null> {
    return id === 'ada' ? { id, name: 'Ada' } : null;
  }
}

@Module({ providers: [Users], exports: [Users] })
class UsersModule {}

@RequireSession()
@Controller('account')
class AccountController {
  @Get()
  show(@CurrentUser() user: User, @CurrentSession() session: SessionDetails) {
    return { name: user.name, handle: session.handle };
  }

  @RequireSession({ fresh: '10m' })
  @Post('password')
  changePassword() {
    return { changed: true };
  }

  @Public()
  @Get('help')
  help() {
    return { help: true };
  }
}

@Controller('session')
class SessionController {
  constructor(private readonly cookie: SessionCookie) {}

  @Post()
  async signIn(
    @Body() body: { userId: string },
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    const { handle } = await this.cookie.signIn(request, response, { userId: body.userId });
    return { handle };
  }
}

@Module({
  imports: [
    SessionModule.forRootAsync({
      imports: [UsersModule],
      inject: [Users],
      useFactory: (users: Users) => ({
        redis: process.env.REDIS_URL!,
        database: process.env.DATABASE_URL!,
        users,
        policy: 'aal2' as const,
        audit: { migrate: true },
      }),
    }),
  ],
  controllers: [AccountController, SessionController],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();

  const signedIn = await fetch(`${url}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId: 'ada' }),
  });
  const cookie = signedIn.headers.getSetCookie()[0]!.split(';')[0]!;
  const account = await fetch(`${url}/account`, { headers: { cookie } });
  assert.equal(((await account.json()) as { name: string }).name, 'Ada');
  assert.equal((await fetch(`${url}/account`)).status, 401);
  assert.equal((await fetch(`${url}/account/help`)).status, 200);

  const sessions = app.get<SessionService<User>>(SessionService);
  const error = await sessions.createSession({ userId: '' }).catch((reason: unknown) => reason);
  assert.ok(error instanceof SessionError && error.code === 'ERR_SESSION_INPUT');
  await sessions.invalidateAllUserSessions('ada');
  assert.equal((await fetch(`${url}/account`, { headers: { cookie } })).status, 401);

  const audit = app.get(SessionAudit);
  await audit.flush();
  const { sessions: recorded } = await audit.history('ada');
  assert.deepEqual(
    recorded.map(({ endReason }) => endReason),
    ['revoked'],
  );
  const { sessions: health } = await app.get(SessionHealth).check();
  assert.equal(health.status, 'up');
  assert.equal((await audit.verify()).valid, true);
  console.log('the application ran');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
