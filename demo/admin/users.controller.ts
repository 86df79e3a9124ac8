import {
  BadRequestException,
  Controller,
  Delete,
  Get,
  HttpCode,
  Injectable,
  NotFoundException,
  Param,
  Query,
  type PipeTransform,
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

/** The reason in the ledger. The administrator is the actor. */
const REASON = 'ended-by-admin';

/** Turns the ID in the path into its user. */
@Injectable()
export class UserPipe implements PipeTransform<string, Promise<User>> {
  constructor(private readonly users: UsersService) {}

  async transform(id: string): Promise<User> {
    const user = await this.users.findById(id);
    if (!user) throw new NotFoundException('This user does not exist.');
    return user;
  }
}

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

  @ApiOperation({ summary: 'List all users' })
  @Get()
  @ApiOkResponse({ type: [Profile] })
  async list(): Promise<Profile[]> {
    const users = await this.users.list();
    return users.map(Profile.of);
  }

  @ApiOperation({ summary: 'Get a user' })
  @Get(':id')
  @ApiOkResponse({ type: Profile })
  @ApiNotFoundResponse({ description: 'There is no such user' })
  find(@Param('id', UserPipe) user: User): Profile {
    return Profile.of(user);
  }

  @ApiOperation({ summary: 'List a user’s active sessions, from Redis' })
  @Get(':id/sessions')
  @ApiOkResponse({ type: [Device] })
  async live(@Param('id', UserPipe) user: User): Promise<Device[]> {
    const sessions = await this.sessions.listUserSessions(String(user.id));
    return sessions.map((session) => Device.of(session));
  }

  @ApiOperation({
    summary: 'List a user’s past and present sessions, newest first, from Postgres',
  })
  @Get(':id/history')
  @ApiQuery({ name: 'after', required: false, description: 'The `next` of the previous page.' })
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

  @ApiOperation({ summary: 'Sign a user out of all devices' })
  @Delete(':id/sessions')
  @HttpCode(204)
  @ApiNoContentResponse()
  async endAll(@Param('id', UserPipe) user: User, @CurrentUser() admin: User): Promise<void> {
    const end = { reason: REASON, actor: String(admin.id) };
    await this.sessions.invalidateAllUserSessions(String(user.id), end);
  }

  @ApiOperation({ summary: 'Sign a user out of one device' })
  @Delete(':id/sessions/:handle')
  @HttpCode(204)
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: 'The user has no such session' })
  async end(
    @Param('id', UserPipe) user: User,
    @Param('handle') handle: string,
    @CurrentUser() admin: User,
  ): Promise<void> {
    const end = { reason: REASON, actor: String(admin.id) };
    await this.userSessions.end(String(user.id), handle, end);
  }
}

/** Responds with 400 to an `after` that isn't the `next` of a page. */
function asBadRequest(error: unknown): never {
  const isInput = error instanceof SessionError && error.code === 'ERR_SESSION_INPUT';
  throw isInput ? new BadRequestException(error.message) : error;
}
