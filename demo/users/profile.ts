import { ApiProperty } from '@nestjs/swagger';

import type { Role, User } from './user.js';

/** The public part of a user. */
export class Profile {
  @ApiProperty({ example: 1 })
  id!: number;

  @ApiProperty({ example: 'ada@example.com' })
  email!: string;

  @ApiProperty({ example: 'Ada' })
  name!: string;

  @ApiProperty({ enum: ['user', 'admin'] })
  role!: Role;

  static of({ id, email, name, role }: User): Profile {
    return { id, email, name, role };
  }
}
