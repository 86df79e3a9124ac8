import { Module } from '@nestjs/common';

import { AccountModule } from '../account/account.module.js';
import { UsersModule } from '../users/users.module.js';
import { ChainCheck } from './chain-check.js';
import { Figures } from './figures.js';
import { LedgerEntries } from './ledger-entries.js';
import { LedgerController } from './ledger.controller.js';
import { LiveView } from './live-view.js';
import { UserPipe, UsersController } from './users.controller.js';

@Module({
  imports: [AccountModule, UsersModule],
  controllers: [UsersController, LedgerController],
  providers: [LedgerEntries, Figures, ChainCheck, LiveView, UserPipe],
})
export class AdminModule {}
