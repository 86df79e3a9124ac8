import { Controller, Delete, Get, HttpCode, Param, Req } from '@nestjs/common';
import {
  ApiCookieAuth,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Request } from 'express';
import {
  CurrentSession,
  RequireSession,
  SessionCookie,
  SessionService,
  type SessionDetails,
} from 'nest-session-ledger';

import { Device } from './device.js';
import { UserSessions } from './user-sessions.js';

@ApiTags('Your devices')
@ApiCookieAuth()
@RequireSession()
@Controller('devices')
export class DevicesController {
  constructor(
    private readonly sessions: SessionService,
    private readonly userSessions: UserSessions,
    private readonly cookie: SessionCookie,
  ) {}

  @ApiOperation({ summary: 'List the devices on which you are signed in' })
  @Get()
  @ApiOkResponse({ type: [Device] })
  async list(@CurrentSession() current: SessionDetails): Promise<Device[]> {
    const sessions = await this.sessions.listUserSessions(current.userId);
    return sessions.map((session) => Device.of(session, current));
  }

  @ApiOperation({ summary: 'Sign out all other devices' })
  @Delete()
  @HttpCode(204)
  @ApiNoContentResponse()
  async endOthers(
    @CurrentSession() current: SessionDetails,
    @Req() request: Request,
  ): Promise<void> {
    const { userId } = current;
    const except = this.cookie.read(request)!;
    await this.sessions.invalidateAllUserSessions(userId, { except, actor: userId });
  }

  @ApiOperation({ summary: 'Sign out one of your devices' })
  @Delete(':handle')
  @HttpCode(204)
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: 'You have no such session' })
  async end(
    @CurrentSession() current: SessionDetails,
    @Param('handle') handle: string,
  ): Promise<void> {
    await this.userSessions.end(current.userId, handle, { actor: current.userId });
  }
}
