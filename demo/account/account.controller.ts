import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  ApiCookieAuth,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import { IsString, MaxLength, MinLength } from 'class-validator';
import type { Request, Response } from 'express';
import { CurrentUser, RequireSession, SessionCookie, SessionService } from 'nest-session-ledger';

import { PasswordCheck } from '../sign-in/password-check.js';
import { Profile } from '../users/profile.js';
import { User } from '../users/user.js';
import { UsersService } from '../users/users.service.js';

class PasswordChange {
  @ApiProperty({ example: 'k3v9-x2mf-8qhd-p7rw' })
  @IsString()
  @MaxLength(256)
  current!: string;

  /** NIST SP 800-63B-4, section 3.1.1.2: at least 15 characters if it is the only factor. */
  @ApiProperty({ example: 'notes by the translator', minLength: 15, maxLength: 256 })
  @IsString()
  @MinLength(15, { message: 'The new password must have at least 15 characters.' })
  @MaxLength(256)
  next!: string;
}

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

  @ApiOperation({ summary: 'Get your profile' })
  @Get()
  @ApiOkResponse({ type: Profile })
  @ApiUnauthorizedResponse({ description: 'There is no session, or it has ended' })
  me(@CurrentUser() user: User): Profile {
    return Profile.of(user);
  }

  /**
   * Ends all other sessions and gives this one a new ID, so that a person who knew the old password
   * or had copied the session ID loses access.
   */
  @RequireSession({ fresh: '10m' })
  @ApiOperation({ summary: 'Change your password and sign out all other devices' })
  @Post('password')
  @HttpCode(204)
  @ApiNoContentResponse()
  @ApiUnauthorizedResponse({
    description: 'Wrong current password, or `ERR_SESSION_NOT_FRESH`: sign in again first',
  })
  async changePassword(
    @CurrentUser() { email }: User,
    @Body() { current, next }: PasswordChange,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const user = await this.passwords.verify({ email, password: current }, request);
    // Before ending sessions, so that a concurrent sign-in with the old password is ended too.
    await this.users.setPassword(user, next);
    await this.sessions.invalidateAllUserSessions(String(user.id), {
      except: this.cookie.read(request)!,
      reason: 'password-changed',
      actor: String(user.id),
    });
    await this.cookie.rotate(request, response);
  }
}
