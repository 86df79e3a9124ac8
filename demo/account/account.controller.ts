import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  ApiCookieAuth,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentUser, RequireSession, SessionCookie, SessionService } from 'nest-session-ledger';

import { PasswordCheck } from '../sign-in/password-check.js';
import { Profile } from '../users/profile.js';
import { User } from '../users/user.js';
import { UsersService } from '../users/users.service.js';
import { PasswordChange } from './password-change.js';

@ApiTags('Account')
@ApiCookieAuth()
@RequireSession()
@Controller('me')
export class AccountController {
  constructor(
    private readonly users: UsersService,
    private readonly passwords: PasswordCheck,
    private readonly sessions: SessionService,
    private readonly cookie: SessionCookie,
  ) {}

  @ApiOperation({ summary: 'Who you are.' })
  @Get()
  @ApiOkResponse({ type: Profile })
  @ApiUnauthorizedResponse({ description: 'There is no session, or it is over.' })
  me(@CurrentUser() user: User): Profile {
    return Profile.of(user);
  }

  /**
   * Changes your password. Whoever else may know the old one is out with that: all other sessions
   * end, and this one gets a new ID.
   */
  @RequireSession({ fresh: '10m' })
  @ApiOperation({ summary: 'Changes your password; all other devices are signed out.' })
  @Post('password')
  @HttpCode(204)
  @ApiNoContentResponse()
  @ApiUnauthorizedResponse({
    description: 'The current password is wrong; or `ERR_SESSION_NOT_FRESH`: sign in again first.',
  })
  async changePassword(
    @CurrentUser() { email }: User,
    @Body() { current, next }: PasswordChange,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const user = await this.passwords.userOf({ email, password: current }, request);
    // First: a sign-in with the old password that comes in between is then ended as well.
    await this.users.setPassword(user, next);
    await this.sessions.invalidateAllUserSessions(String(user.id), {
      except: this.cookie.read(request)!,
      reason: 'password-changed',
      actor: String(user.id),
    });
    await this.cookie.rotate(request, response);
  }
}
