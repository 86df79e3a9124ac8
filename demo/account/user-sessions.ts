import { Injectable, NotFoundException } from '@nestjs/common';
import { SessionService, type SessionEnd } from 'nest-session-ledger';

@Injectable()
export class UserSessions {
  constructor(private readonly sessions: SessionService) {}

  /**
   * Ends one of a user's sessions. Handles aren't secret, so this first checks that the session
   * belongs to the user.
   *
   * @throws NotFoundException if the user has no such session
   */
  async end(userId: string, handle: string, end: SessionEnd): Promise<void> {
    const sessions = await this.sessions.listUserSessions(userId);
    if (!sessions.some((session) => session.handle === handle)) {
      throw new NotFoundException('This session does not exist or has ended.');
    }
    await this.sessions.destroySessionByHandle(handle, end);
  }
}
