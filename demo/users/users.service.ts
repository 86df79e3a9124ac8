import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { UserLoader } from 'nest-session-ledger';
import { Repository } from 'typeorm';

import { hashPassword, isPassword } from './password.js';
import { User } from './user.js';

/** Postgres responds with an error to IDs above the range of its integers. */
const USER_ID = /^[1-9]\d{0,8}$/;

@Injectable()
export class UsersService implements UserLoader<User> {
  /** Checked if the user is unknown, so that response times don't reveal who has an account. */
  private readonly dummyHash = hashPassword('');

  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  /** Called by the session module, in which user IDs are strings. */
  async findById(id: string): Promise<User | null> {
    return USER_ID.test(id) ? this.users.findOneBy({ id: Number(id) }) : null;
  }

  /** All users. The demo has three, so there are no pages. */
  list(): Promise<User[]> {
    return this.users.find({ order: { id: 'ASC' } });
  }

  /** Returns the user with this email address and password, or null. */
  async authenticate(email: string, password: string): Promise<User | null> {
    const known = await this.users.findOne({
      where: { email: email.toLowerCase() },
      select: { id: true, passwordHash: true },
    });
    const isCorrect = await isPassword(password, known?.passwordHash ?? (await this.dummyHash));
    return known && isCorrect ? this.users.findOneBy({ id: known.id }) : null;
  }

  async setPassword(user: User, password: string): Promise<void> {
    await this.users.update(user.id, { passwordHash: await hashPassword(password) });
  }
}
