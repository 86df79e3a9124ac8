import { Injectable, NotFoundException, type PipeTransform } from '@nestjs/common';

import type { User } from '../users/user.js';
import { UsersService } from '../users/users.service.js';

/** The user whose ID stands in the path. */
@Injectable()
export class UserPipe implements PipeTransform<string, Promise<User>> {
  constructor(private readonly users: UsersService) {}

  async transform(id: string): Promise<User> {
    const user = await this.users.findById(id);
    if (!user) throw new NotFoundException('There is no such user.');
    return user;
  }
}
