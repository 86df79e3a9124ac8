import type { OnModuleDestroy } from '@nestjs/common';

import type { SessionService, ValidSession } from '../session/session.service.js';
import type { CookieSettings } from './cookie-options.js';
import { credentialOf, type Credential } from './credentials.js';
import { isCrossSite, isSafe } from './cross-site.js';
import { rememberedSession, rememberSession } from './current-session.js';
import { getSessionAuthenticatorToken } from './gate-token.js';
import type { RequestContext } from './request-context.js';
import { LiveSockets } from './websocket/live-sockets.js';
import { RejectionLog } from './rejection-log.js';
import { asRejection, notFresh, sessionRequired, SessionRejection } from './session-rejection.js';

/** Lets in what carries a valid session of its module, and refuses all else: the guard's judgement. */
export class SessionAuthenticator<TUser = unknown> implements OnModuleDestroy {
  readonly sockets: LiveSockets;
  readonly log = new RejectionLog();
  private readonly token: string;
  /** One look at the session for all guards and resolvers of a request. */
  private readonly found = new WeakMap<object, Promise<ValidSession<TUser> | null>>();

  constructor(
    private readonly service: SessionService<TUser>,
    private readonly cookie: CookieSettings,
    name?: string,
  ) {
    this.token = getSessionAuthenticatorToken(name);
    this.sockets = new LiveSockets((handles) => service.areAlive(handles));
  }

  /** @throws SessionRejection */
  async authenticate(incoming: RequestContext, fresh?: number): Promise<ValidSession<TUser>> {
    try {
      const valid = await this.findSession(incoming, fresh);
      rememberSession(incoming.subject, this.token, valid);
      this.log.accepted();
      return valid;
    } catch (error) {
      const rejection = asRejection(error);
      this.log.rejected(rejection);
      throw rejection;
    }
  }

  /** The session that a request was let in with. */
  sessionOf(subject: object): ValidSession<unknown> | undefined {
    return rememberedSession(subject, this.token);
  }

  /** Refuses to do for a page of another site what can be done without a session: to sign in. */
  rejectCrossSite(incoming: RequestContext): void {
    if (!this.isCrossSite(incoming)) return;
    const rejection = new SessionRejection('ERR_SESSION_CROSS_SITE');
    this.log.rejected(rejection);
    throw rejection;
  }

  onModuleDestroy(): void {
    this.sockets.stop();
  }

  private async findSession(
    incoming: RequestContext,
    fresh?: number,
  ): Promise<ValidSession<TUser>> {
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

  private isCrossSite({ headers, method }: RequestContext): boolean {
    return !isSafe(method) && isCrossSite(headers, this.cookie.trustedOrigins);
  }

  /** A socket outlives many messages, so its session is looked at each time. */
  private find(incoming: RequestContext, { sessionId }: Credential) {
    if (incoming.method === undefined) return this.service.findValidSession(sessionId);
    let found = this.found.get(incoming.subject);
    if (!found) {
      found = this.service.findValidSession(sessionId);
      this.found.set(incoming.subject, found);
    }
    return found;
  }
}
