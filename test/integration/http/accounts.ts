import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Post,
  Req,
  Res,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';

import {
  CurrentSession,
  currentSessionOf,
  CurrentUser,
  getSessionCookieToken,
  Public,
  RequireSession,
  SessionCookie,
  type HttpRequest,
  type HttpResponse,
  type SessionDetails,
} from '../../../src/index.js';

export interface Member {
  id: string;
  name: string;
  isAdmin: boolean;
}

/** Stands in for the application's users table. */
export const members = new Map<string, Member>([
  ['ada', { id: 'ada', name: 'Ada', isAdmin: true }],
  ['grace', { id: 'grace', name: 'Grace', isAdmin: false }],
]);

/** A guard of the application that runs after `SessionGuard`. */
class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return currentSessionOf<Member>(context)?.user.isAdmin ?? false;
  }
}

@RequireSession()
@Controller('account')
export class AccountController {
  @Get()
  show(@CurrentUser() user: Member, @CurrentSession() session: SessionDetails) {
    return { user, session };
  }

  @Post('name')
  @HttpCode(204)
  rename(): void {}

  @RequireSession({ fresh: '10m' })
  @Post('password')
  @HttpCode(204)
  changePassword(): void {}

  @UseGuards(AdminGuard)
  @Get('reports')
  reports() {
    return { reports: [] };
  }

  @Public()
  @Get('help')
  help(@CurrentUser() user?: Member) {
    return { signedIn: user !== undefined };
  }
}

/** Every method requires a recent sign-in. */
@RequireSession({ fresh: '10m' })
@Controller('vault')
export class VaultController {
  @RequireSession()
  @Get('plain')
  plain(): void {}

  @RequireSession({ fresh: '1h' })
  @Get('longer')
  longer(): void {}

  @RequireSession({ fresh: '5m' })
  @Get('shorter')
  shorter(): void {}
}

/** Doesn't weaken its base class either. */
@RequireSession()
@Controller('derived-vault')
export class DerivedVaultController extends VaultController {}

/** Requires a session in all derived controllers too. */
@RequireSession()
abstract class GuardedController {
  @Get('inherited')
  inherited(@CurrentUser() user: Member) {
    return { name: user.name };
  }
}

@UseGuards(AdminGuard)
@Controller('derived')
export class DerivedController extends GuardedController {
  @Get('own')
  own(@CurrentUser() user: Member) {
    return { name: user.name };
  }
}

@RequireSession({ name: 'staff' })
@Controller('staff')
export class StaffController {
  @Get()
  show(@CurrentUser() user: { id: string }) {
    return user;
  }

  /** Doesn't set `name`, so it keeps that of the class. */
  @RequireSession({ fresh: '10m' })
  @Post('payments')
  @HttpCode(204)
  pay(): void {}
}

interface SignInForm {
  userId: string;
}

/** Signs in and out. Checking passwords isn't part of the module. */
@Controller('session')
export class SessionController {
  constructor(private readonly cookie: SessionCookie) {}

  @Post()
  async signIn(
    @Body() { userId }: SignInForm,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    const { id, handle } = await this.cookie.signIn(request, response, { userId });
    return { id, handle };
  }

  @RequireSession()
  @Post('rotate')
  async rotate(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse) {
    const { id } = await this.cookie.rotate(request, response);
    return { id };
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse) {
    await this.cookie.signOut(request, response);
  }
}

@Controller('staff-session')
export class StaffSessionController {
  constructor(@Inject(getSessionCookieToken('staff')) private readonly cookie: SessionCookie) {}

  @Post()
  async signIn(
    @Body() { userId }: SignInForm,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    const { id, handle } = await this.cookie.signIn(request, response, { userId });
    return { id, handle };
  }
}
