import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { UserLoader } from 'nest-session-ledger';
import { Repository } from 'typeorm';

import { hashPassword, isPassword } from './password.js';
import { User } from './user.js';

/** Below the limit of Postgres's integers, which answers anything longer with an error. */
const SERIAL = /^[1-9]\d{0,8}$/;

@Injectable()
export class UsersService implements UserLoader<User> {
  /** Checked in place of an unknown user's hash, so that nobody learns who has an account. */
  private readonly nobodys = hashPassword('');

  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  /** The session module's loader; user IDs of sessions are text. */
  async findById(id: string): Promise<User | null> {
    return SERIAL.test(id) ? this.users.findOneBy({ id: Number(id) }) : null;
  }

  /** Everybody, in a demo with three. */
  list(): Promise<User[]> {
    return this.users.find({ order: { id: 'ASC' } });
  }

  /** The user with this address and password. */
  async authenticate(email: string, password: string): Promise<User | null> {
    const known = await this.users.findOne({
      where: { email: email.toLowerCase() },
      select: { id: true, passwordHash: true },
    });
    const isRight = await isPassword(password, known?.passwordHash ?? (await this.nobodys));
    return known && isRight ? this.users.findOneBy({ id: known.id }) : null;
  }

  async setPassword(user: User, password: string): Promise<void> {
    await this.users.update(user.id, { passwordHash: await hashPassword(password) });
  }
}
