import { Module } from '@nestjs/common';

import { SignInModule } from '../sign-in/sign-in.module.js';
import { UsersModule } from '../users/users.module.js';
import { AccountController } from './account.controller.js';
import { DevicesController } from './devices.controller.js';
import { UserSessions } from './user-sessions.js';

@Module({
  imports: [UsersModule, SignInModule],
  controllers: [AccountController, DevicesController],
  providers: [UserSessions],
  exports: [UserSessions],
})
export class AccountModule {}
