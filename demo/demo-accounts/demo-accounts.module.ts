import { Controller, Get, Inject, Module, type DynamicModule } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';

import { DemoAccount } from './demo-accounts.js';

const SHOWN_ACCOUNTS = Symbol('SHOWN_ACCOUNTS');

@ApiTags('Sign-in')
@Controller('demo-accounts')
class DemoAccountsController {
  constructor(@Inject(SHOWN_ACCOUNTS) private readonly accounts: DemoAccount[]) {}

  @ApiOperation({
    summary: 'List the demo accounts with their passwords',
    description: 'Empty unless the demo runs on its own servers and for this machine only.',
  })
  @Get()
  @ApiOkResponse({ type: [DemoAccount] })
  list(): DemoAccount[] {
    return this.accounts;
  }
}

/** Lets the sign-in page offer the demo accounts. A real application has nothing like it. */
@Module({ controllers: [DemoAccountsController] })
export class DemoAccountsModule {
  static show(accounts: readonly DemoAccount[]): DynamicModule {
    return {
      module: DemoAccountsModule,
      providers: [{ provide: SHOWN_ACCOUNTS, useValue: accounts }],
    };
  }
}
