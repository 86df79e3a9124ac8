import { Module } from '@nestjs/common';

import { UsersModule } from '../users/users.module.js';
import { PasswordCheck } from './password-check.js';
import { SignInAttempts } from './sign-in-attempts.js';
import { SignInController } from './sign-in.controller.js';

@Module({
  imports: [UsersModule],
  controllers: [SignInController],
  providers: [PasswordCheck, SignInAttempts],
  exports: [PasswordCheck],
})
export class SignInModule {}
