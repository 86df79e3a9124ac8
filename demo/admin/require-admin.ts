import {
  applyDecorators,
  ForbiddenException,
  Injectable,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiCookieAuth, ApiForbiddenResponse } from '@nestjs/swagger';
import { currentSessionOf, RequireSession } from 'nest-session-ledger';

import type { User } from '../users/user.js';

/** Runs after the session guard and checks the role of its user. */
@Injectable()
class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (currentSessionOf<User>(context)?.user.role === 'admin') return true;
    throw new ForbiddenException('Only administrators can do this.');
  }
}

/** Requires the session of an administrator. */
export const RequireAdmin = () =>
  applyDecorators(
    RequireSession(),
    UseGuards(AdminGuard),
    ApiCookieAuth(),
    ApiForbiddenResponse({ description: 'You are not an administrator' }),
  );
