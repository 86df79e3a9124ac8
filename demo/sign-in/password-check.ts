import { HttpException, Injectable, UnauthorizedException } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsEmail, IsString, MaxLength } from 'class-validator';
import type { Request, Response } from 'express';

import type { User } from '../users/user.js';
import { UsersService } from '../users/users.service.js';
import { SignInAttempts } from './sign-in-attempts.js';

export class Credentials {
  @ApiProperty({ example: 'ada@example.com' })
  @IsEmail()
  @MaxLength(254)
  email!: string;

  @ApiProperty({ example: 'k3v9-x2mf-8qhd-p7rw' })
  @IsString()
  @MaxLength(256)
  password!: string;
}

/** The only place that verifies passwords, so that every attempt is counted. */
@Injectable()
export class PasswordCheck {
  constructor(
    private readonly users: UsersService,
    private readonly attempts: SignInAttempts,
  ) {}

  /** @throws HttpException 401 if the password is wrong, 429 after too many attempts */
  async verify({ email, password }: Credentials, request: Request): Promise<User> {
    const wait = await this.attempts.count(email, request.ip);
    if (wait > 0) throw tooManyAttempts(wait, request.res);
    const user = await this.users.authenticate(email, password);
    if (!user) throw new UnauthorizedException('Wrong email address or password.');
    await this.attempts.refund(email, request.ip);
    return user;
  }
}

function tooManyAttempts(wait: number, response?: Response): HttpException {
  response?.setHeader('retry-after', wait);
  const minutes = Math.ceil(wait / 60);
  const message = `Too many attempts. Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`;
  return new HttpException({ statusCode: 429, error: 'Too Many Requests', message }, 429);
}
