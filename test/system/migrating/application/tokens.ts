import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { SessionGuard, type SessionUser } from 'nest-session-ledger';

import { ExchangeController, OldTokens, SessionOrTokenGuard, SignedInUser } from './jwt.bridge.js';
import type { OldSessions } from './old-sessions-module.js';

@Controller('old')
class OldController {
  constructor(private readonly jwt: JwtService) {}

  @Post('sign-in')
  async signIn() {
    return { token: await this.jwt.signAsync({ sub: 'ada' }, { expiresIn: '1h' }) };
  }

  @Post('expired')
  async expired() {
    return { token: await this.jwt.signAsync({ sub: 'ada' }, { expiresIn: '-1s' }) };
  }

  @UseGuards(SessionOrTokenGuard)
  @Get('me')
  me(@SignedInUser() user: SessionUser) {
    return { user: user.id };
  }
}

/** JWT; `POST /old/sign-in` returns one. */
export function tokens(): OldSessions {
  return {
    module: {
      imports: [JwtModule.register({ secret: 'secret', verifyOptions: { algorithms: ['HS256'] } })],
      controllers: [OldController, ExchangeController],
      providers: [OldTokens, SessionGuard],
    },
  };
}
