import {
  BadRequestException,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Query,
} from '@nestjs/common';
import {
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import { CurrentUser, SessionAudit, SessionError, SessionService } from 'nest-session-ledger';

import { Device } from '../account/device.js';
import { UserSessions } from '../account/user-sessions.js';
import { Profile } from '../users/profile.js';
import { User } from '../users/user.js';
import { UsersService } from '../users/users.service.js';
import { RecordedDevices } from './recorded-device.js';
import { RequireAdmin } from './require-admin.js';
import { UserPipe } from './user.pipe.js';

/** What goes into the ledger as the reason, beside the administrator as the actor. */
const REASON = 'ended-by-admin';

@ApiTags('Administration')
@RequireAdmin()
@Controller('admin/users')
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionService,
    private readonly userSessions: UserSessions,
    private readonly audit: SessionAudit,
  ) {}

  @ApiOperation({ summary: 'All users.' })
  @Get()
  @ApiOkResponse({ type: [Profile] })
  async list(): Promise<Profile[]> {
    const users = await this.users.list();
    return users.map(Profile.of);
  }

  @ApiOperation({ summary: 'A user.' })
  @Get(':id')
  @ApiOkResponse({ type: Profile })
  @ApiNotFoundResponse({ description: 'There is no such user.' })
  find(@Param('id', UserPipe) user: User): Profile {
    return Profile.of(user);
  }

  @ApiOperation({ summary: 'Where the user is signed in now: from Redis.' })
  @Get(':id/sessions')
  @ApiOkResponse({ type: [Device] })
  async live(@Param('id', UserPipe) user: User): Promise<Device[]> {
    const sessions = await this.sessions.listUserSessions(String(user.id));
    return sessions.map((session) => Device.of(session));
  }

  @ApiOperation({
    summary: 'Where the user is and was signed in, the newest first: from Postgres.',
  })
  @Get(':id/history')
  @ApiQuery({ name: 'after', required: false, description: '`next` of the page before.' })
  @ApiOkResponse({ type: RecordedDevices })
  async history(
    @Param('id', UserPipe) user: User,
    @Query('after') after?: string,
  ): Promise<RecordedDevices> {
    const page = await this.audit
      .history(String(user.id), { after, limit: 20 })
      .catch(asBadRequest);
    return RecordedDevices.of(page);
  }

  @ApiOperation({ summary: 'Signs the user out of everything.' })
  @Delete(':id/sessions')
  @HttpCode(204)
  @ApiNoContentResponse()
  async endAll(@Param('id', UserPipe) user: User, @CurrentUser() admin: User): Promise<void> {
    const end = { reason: REASON, actor: String(admin.id) };
    await this.sessions.invalidateAllUserSessions(String(user.id), end);
  }

  @ApiOperation({ summary: 'Signs the user out of one device.' })
  @Delete(':id/sessions/:handle')
  @HttpCode(204)
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: 'The user has no such session.' })
  async end(
    @Param('id', UserPipe) user: User,
    @Param('handle') handle: string,
    @CurrentUser() admin: User,
  ): Promise<void> {
    const end = { reason: REASON, actor: String(admin.id) };
    await this.userSessions.end(String(user.id), handle, end);
  }
}

/** An `after` that no page ever gave is the client's mistake. */
function asBadRequest(error: unknown): never {
  const isInput = error instanceof SessionError && error.code === 'ERR_SESSION_INPUT';
  throw isInput ? new BadRequestException(error.message) : error;
}
