// What `nest add` writes. test/system/nest-add compiles and runs it.
import { randomBytes } from 'node:crypto';

export const sessionOptions = `import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

import type { SessionModuleOptions } from 'nest-session-ledger';

// Keeps variables that are set. Delete it if something else reads .env, such as @nestjs/config.
if (existsSync('.env')) {
  for (const [name, value] of Object.entries(parseEnv(readFileSync('.env', 'utf8')))) {
    process.env[name] ??= value;
  }
}

const isDevelopment = process.env.NODE_ENV === 'development';

export const sessionOptions: SessionModuleOptions = {
  redis: process.env.REDIS_URL ?? 'redis://localhost:6379',
  database: process.env.DATABASE_URL ?? 'postgres://localhost/ledger',
  idleTimeout: '30m',
  maxSessionsPerUser: 10,
  // HTTPS only, except in development: browsers may drop such a cookie on http://localhost.
  cookie: { secure: !isDevelopment },
  // In development, an emptied Redis is adopted automatically.
  audit: { emptyRedis: isDevelopment ? 'adopt' : 'hold' },
};
`;

export const accountController = `import {
  Body,
  Controller,
  Get,
  HttpCode,
  Post,
  Req,
  Res,
  UnauthorizedException,
} from '@nestjs/common';
import {
  CurrentUser,
  RequireSession,
  SessionCookie,
  type HttpRequest,
  type HttpResponse,
  type SessionUser,
} from 'nest-session-ledger';

@Controller('account')
export class AccountController {
  constructor(private readonly cookie: SessionCookie) {}

  @Post('sign-in')
  @HttpCode(204)
  async signIn(
    @Body() body: { user?: string; password?: string },
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<void> {
    const userId = checkPassword(body.user, body.password);
    if (userId === null) throw new UnauthorizedException('Wrong user or password');
    await this.cookie.signIn(request, response, { userId });
  }

  @RequireSession()
  @Get()
  me(@CurrentUser() user: SessionUser): SessionUser {
    return user;
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<void> {
    await this.cookie.signOut(request, response);
  }
}

/** Replace this by a check of your users: any user signs in with EXAMPLE_PASSWORD of .env. */
function checkPassword(user?: string, password?: string): string | null {
  const expected = process.env.EXAMPLE_PASSWORD;
  return user && expected && password === expected ? user : null;
}
`;

/** The names under which Docker looks for a compose file. */
export const COMPOSE_FILES = [
  'docker-compose.yml',
  'docker-compose.yaml',
  'compose.yml',
  'compose.yaml',
];

export const COMPOSE_FILE = `services:
  redis:
    image: redis:7.4-bookworm
    # noeviction: an evicted key would be a session that vanished without a record.
    # AOF: a restart loses at most the last second.
    # hz: expired keys are deleted in short steps, so that reads don't wait.
    command: redis-server --maxmemory-policy noeviction --appendonly yes --appendfsync everysec --hz 100
    ports: ['127.0.0.1:6379:6379']
    volumes: ['redis:/data']
  postgres:
    image: postgres:18-bookworm
    environment:
      POSTGRES_DB: ledger
      POSTGRES_USER: ledger
      POSTGRES_PASSWORD: ledger
    ports: ['127.0.0.1:5432:5432']
    volumes: ['postgres:/var/lib/postgresql']
volumes:
  redis:
  postgres:
`;

/** The servers of the compose file. A file that is committed gets no password for the example. */
export function environment(isPrivate: boolean): Record<string, string> {
  return {
    NODE_ENV: 'development',
    REDIS_URL: 'redis://localhost:6379',
    DATABASE_URL: 'postgres://ledger:ledger@localhost:5432/ledger',
    EXAMPLE_PASSWORD: isPrivate ? randomBytes(9).toString('base64url') : '',
  };
}
