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
    const user = await this.users.findOneBy({ email: email.toLowerCase() });
    const isRight = await isPassword(password, await this.hashOf(user));
    return isRight ? user : null;
  }

  async setPassword(user: User, password: string): Promise<void> {
    await this.users.update(user.id, { passwordHash: await hashPassword(password) });
  }

  private async hashOf(user: User | null): Promise<string> {
    if (!user) return this.nobodys;
    const { passwordHash } = await this.users.findOneOrFail({
      where: { id: user.id },
      select: { passwordHash: true },
    });
    return passwordHash;
  }
}
