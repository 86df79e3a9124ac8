import { Injectable, NotFoundException } from '@nestjs/common';
import { SessionService, type SessionEnd } from 'nest-session-ledger';

@Injectable()
export class UserSessions {
  constructor(private readonly sessions: SessionService) {}

  /**
   * Ends one of a user's sessions. Handles are no secret, so that it is the user's own is looked
   * up and not believed.
   *
   * @throws NotFoundException where the user has no such session
   */
  async end(userId: string, handle: string, end: SessionEnd): Promise<void> {
    const sessions = await this.sessions.listUserSessions(userId);
    if (!sessions.some((session) => session.handle === handle)) {
      throw new NotFoundException('There is no such session (any more).');
    }
    await this.sessions.destroySessionByHandle(handle, end);
  }
}
