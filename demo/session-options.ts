import type { SessionModuleOptions } from 'nest-session-ledger';
import type { DataSource } from 'typeorm';

import { userId } from './database/database-options.js';
import type { User } from './users/user.js';
import type { UsersService } from './users/users.service.js';

/** A working day (ms). */
export const MAX_LIFETIME = 12 * 60 * 60 * 1000;

export function sessionOptions(
  database: DataSource,
  users: UsersService,
): SessionModuleOptions<User> {
  return {
    redis: process.env.REDIS_URL!,
    database,
    users,
    userId,
    maxLifetime: MAX_LIFETIME,
    idleTimeout: '30m',
    maxSessionsPerUser: 10,
    metrics: true,
    // The demo uses plain HTTP. Remove this for HTTPS.
    cookie: { secure: false },
  };
}
