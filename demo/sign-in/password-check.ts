import { HttpException, Injectable, UnauthorizedException } from '@nestjs/common';
import type { Request, Response } from 'express';

import type { User } from '../users/user.js';
import { UsersService } from '../users/users.service.js';
import type { Credentials } from './credentials.js';
import { SignInAttempts } from './sign-in-attempts.js';

/** The one place where passwords are checked, so that none is checked without being counted. */
@Injectable()
export class PasswordCheck {
  constructor(
    private readonly users: UsersService,
    private readonly attempts: SignInAttempts,
  ) {}

  /** @throws HttpException 401 where the password is wrong, 429 after too many attempts */
  async userOf({ email, password }: Credentials, request: Request): Promise<User> {
    const wait = await this.attempts.take(email, request.ip);
    if (wait > 0) throw tooManyAttempts(wait, request.res);
    const user = await this.users.authenticate(email, password);
    if (!user) throw new UnauthorizedException('The e-mail address or the password is wrong.');
    await this.attempts.giveBack(email, request.ip);
    return user;
  }
}

function tooManyAttempts(wait: number, response?: Response): HttpException {
  response?.setHeader('retry-after', wait);
  const message = `Too many attempts. Try again in ${Math.ceil(wait / 60)} min.`;
  return new HttpException({ statusCode: 429, error: 'Too Many Requests', message }, 429);
}
