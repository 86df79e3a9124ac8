import type { OnModuleDestroy } from '@nestjs/common';

import type { SessionService, ValidSession } from '../session/session.service.js';
import type { CookieSettings } from './cookie-options.js';
import { credentialOf, type Credential } from './credentials.js';
import { isCrossSite, isSafe } from './cross-site.js';
import { rememberedSession, rememberSession } from './current-session.js';
import { getSessionGateToken } from './gate-token.js';
import type { Incoming } from './incoming.js';
import { LiveSockets } from './live-sockets.js';
import { RefusalLog } from './refusal-log.js';
import { asRejection, notFresh, sessionRequired, SessionRejection } from './session-rejection.js';

/** Lets in what carries a valid session of its module, and refuses all else: the guard's judgement. */
export class SessionGate<TUser = unknown> implements OnModuleDestroy {
  readonly sockets: LiveSockets;
  readonly log = new RefusalLog();
  private readonly token: string;
  /** One look at the session for all guards and resolvers of a request. */
  private readonly found = new WeakMap<object, Promise<ValidSession<TUser> | null>>();

  constructor(
    private readonly service: SessionService<TUser>,
    private readonly cookie: CookieSettings,
    name?: string,
  ) {
    this.token = getSessionGateToken(name);
    this.sockets = new LiveSockets((handles) => service.areAlive(handles));
  }

  /** @throws SessionRejection */
  async admit(incoming: Incoming, fresh?: number): Promise<ValidSession<TUser>> {
    try {
      const valid = await this.judge(incoming, fresh);
      rememberSession(incoming.subject, this.token, valid);
      this.log.admitted();
      return valid;
    } catch (error) {
      const rejection = asRejection(error);
      this.log.refused(rejection);
      throw rejection;
    }
  }

  /** The session that a request was let in with. */
  sessionOf(subject: object): ValidSession<unknown> | undefined {
    return rememberedSession(subject, this.token);
  }

  /** Refuses to do for a page of another site what can be done without a session: to sign in. */
  refuseCrossSite(incoming: Incoming): void {
    if (!this.isCrossSite(incoming)) return;
    const rejection = new SessionRejection('ERR_SESSION_CROSS_SITE');
    this.log.refused(rejection);
    throw rejection;
  }

  onModuleDestroy(): void {
    this.sockets.stop();
  }

  private async judge(incoming: Incoming, fresh?: number): Promise<ValidSession<TUser>> {
    const credential = credentialOf(incoming.headers, this.cookie.name, incoming.token);
    if (!credential) throw sessionRequired(false);
    if (credential.from === 'cookie' && this.isCrossSite(incoming)) {
      throw new SessionRejection('ERR_SESSION_CROSS_SITE');
    }
    const valid = await this.find(incoming, credential);
    if (!valid) {
      // Whose session is over must not go on listening.
      if (incoming.socket) this.sockets.close(incoming.socket, 'ERR_SESSION_REQUIRED');
      throw sessionRequired(credential.from === 'bearer');
    }
    if (fresh !== undefined && !(await this.service.isFresh(valid.session, fresh))) {
      throw notFresh(fresh);
    }
    if (incoming.socket) this.sockets.watch(incoming.socket, valid.session.handle);
    return valid;
  }

  private isCrossSite({ headers, method }: Incoming): boolean {
    return !isSafe(method) && isCrossSite(headers, this.cookie.trustedOrigins);
  }

  /** A socket outlives many messages, so its session is looked at each time. */
  private find(incoming: Incoming, { sessionId }: Credential) {
    if (incoming.method === undefined) return this.service.findValidSession(sessionId);
    let found = this.found.get(incoming.subject);
    if (!found) {
      found = this.service.findValidSession(sessionId);
      this.found.set(incoming.subject, found);
    }
    return found;
  }
}
