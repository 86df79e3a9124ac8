import { Module, ValidationPipe } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SessionExceptionFilter, SessionModule } from 'nest-session-ledger';
import { DataSource } from 'typeorm';

import { AccountModule } from './account/account.module.js';
import { AdminModule } from './admin/admin.module.js';
import { databaseOptions } from './database/database-options.js';
import { HealthModule } from './health.module.js';
import { sessionOptions } from './session-options.js';
import { SignInModule } from './sign-in/sign-in.module.js';
import { UsersModule } from './users/users.module.js';
import { UsersService } from './users/users.service.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({ useFactory: () => databaseOptions(process.env.DATABASE_URL!) }),
    SessionModule.forRootAsync({
      imports: [UsersModule],
      inject: [DataSource, UsersService],
      useFactory: sessionOptions,
    }),
    SignInModule,
    AccountModule,
    AdminModule,
    HealthModule,
  ],
  providers: [
    // Responds with 400 to requests with missing, invalid or unknown fields.
    {
      provide: APP_PIPE,
      useValue: new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }),
    },
    { provide: APP_FILTER, useClass: SessionExceptionFilter },
  ],
})
export class AppModule {}
