import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  ApiForbiddenResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiTooManyRequestsResponse,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { SessionCookie } from 'nest-session-ledger';

import { Profile } from '../users/profile.js';
import { Credentials, PasswordCheck } from './password-check.js';

@ApiTags('Sign-in')
@Controller()
export class SignInController {
  constructor(
    private readonly passwords: PasswordCheck,
    private readonly cookie: SessionCookie,
  ) {}

  @ApiOperation({ summary: 'Sign in; the session ID is only in the cookie' })
  @Post('sign-in')
  @HttpCode(200)
  @ApiOkResponse({ type: Profile, description: 'The session cookie is set' })
  @ApiUnauthorizedResponse({ description: 'Wrong email address or password' })
  @ApiForbiddenResponse({ description: 'A page of another site sent the request' })
  @ApiTooManyRequestsResponse({ description: 'Too many attempts; see `Retry-After`' })
  async signIn(
    @Body() credentials: Credentials,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Profile> {
    const user = await this.passwords.verify(credentials, request);
    await this.cookie.signIn(request, response, { userId: String(user.id) });
    return Profile.of(user);
  }

  @ApiOperation({ summary: 'Sign out; without a session, this does nothing' })
  @Post('sign-out')
  @HttpCode(204)
  @ApiNoContentResponse({ description: 'Signed out; the cookie is cleared' })
  async signOut(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.cookie.signOut(request, response);
  }
}
