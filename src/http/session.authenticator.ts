import type { OnModuleDestroy } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';

import { SessionError } from '../errors.js';
import type { SessionService, ValidSession } from '../session/session.service.js';
import type { CookieSettings } from './cookie-options.js';
import { credentialOf, type Credential } from './credentials.js';
import { isCrossSite, isSafe } from './cross-site.js';
import { rememberedSession, rememberSession } from './current-session.js';
import type { RequestContext } from './request-context.js';
import {
  asRejection,
  notFresh,
  RejectionLog,
  sessionRequired,
  SessionRejection,
} from './session-rejection.js';
import { LiveSockets } from './websocket/live-sockets.js';

/** The injection token of a module's `SessionAuthenticator`. Each module has its own. */
export function getSessionAuthenticatorToken(name = 'default'): string {
  return `SessionAuthenticator:${name}`;
}

/**
 * Decides whether a request carries a valid session of one module. Guards, gateways and
 * `SessionCookie` all ask it.
 */
export class SessionAuthenticator<TUser = unknown> implements OnModuleDestroy {
  readonly sockets: LiveSockets;
  readonly log = new RejectionLog();
  /** Lookups by request, so that all guards and resolvers of one request share one. */
  private readonly lookups = new WeakMap<object, Promise<ValidSession<TUser> | null>>();
  /** By request: the session ID that replaced the one it came with; null after a sign-out. */
  private readonly replaced = new WeakMap<object, string | null>();

  constructor(
    private readonly service: SessionService<TUser>,
    private readonly cookie: CookieSettings,
    private readonly name?: string,
  ) {
    this.sockets = new LiveSockets((handles) => service.areAlive(handles));
  }

  /**
   * Returns the session that the request carries, and remembers it for `@CurrentSession()`.
   *
   * @param fresh maximum age of the sign-in (ms); undefined for no limit
   * @throws SessionRejection
   */
  async authenticate(context: RequestContext, fresh?: number): Promise<ValidSession<TUser>> {
    try {
      const valid = await this.findSession(context, fresh);
      rememberSession(context.subject, valid, this.name);
      this.log.accepted();
      return valid;
    } catch (error) {
      const rejection = asRejection(error);
      this.log.rejected(rejection);
      throw rejection;
    }
  }

  /** The session that `authenticate` found for this request or socket. */
  sessionOf(subject: object): ValidSession<unknown> | undefined {
    return rememberedSession(subject, this.name);
  }

  /** What the request carries: its cookie or bearer token, or what has replaced that. */
  credentialOf({ subject, headers, token }: RequestContext): Credential | null {
    const sessionId = this.replaced.get(subject);
    if (sessionId === undefined) return credentialOf(headers, this.cookie.name, token);
    return sessionId === null ? null : { sessionId, from: 'cookie' };
  }

  /** From now on, the request carries the session with this ID; null if it carries none. */
  replaceCredential(subject: object, sessionId: string | null): void {
    this.replaced.set(subject, sessionId);
    this.lookups.delete(subject);
  }

  /** Rejects cross-site sign-in and sign-out (login CSRF). */
  rejectCrossSite(context: RequestContext): void {
    if (!this.isCrossSite(context)) return;
    const rejection = new SessionRejection('ERR_SESSION_CROSS_SITE');
    this.log.rejected(rejection);
    throw rejection;
  }

  onModuleDestroy(): void {
    this.sockets.stop();
  }

  private async findSession(context: RequestContext, fresh?: number): Promise<ValidSession<TUser>> {
    const credential = this.credentialOf(context);
    if (!credential) throw sessionRequired(false);
    if (credential.from === 'cookie' && this.isCrossSite(context)) {
      throw new SessionRejection('ERR_SESSION_CROSS_SITE');
    }
    const valid = await this.lookUp(context, credential);
    if (!valid) {
      const rejection = sessionRequired(credential.from === 'bearer');
      // The session ended while the socket was open: close it now, not at the next check.
      if (context.socket) this.sockets.close(context.socket, rejection);
      throw rejection;
    }
    if (fresh !== undefined && !(await this.service.isFresh(valid.session, fresh))) {
      throw notFresh(fresh);
    }
    if (context.socket) this.sockets.watch(context.socket, valid.session.handle);
    return valid;
  }

  private isCrossSite({ headers, method }: RequestContext): boolean {
    return !isSafe(method) && isCrossSite(headers, this.cookie.trustedOrigins);
  }

  /** A socket (it has no method) stays open for many messages, so each one reads the session. */
  private lookUp({ subject, method }: RequestContext, { sessionId }: Credential) {
    if (method === undefined) return this.service.findValidSession(sessionId);
    let lookup = this.lookups.get(subject);
    if (!lookup) {
      lookup = this.service.findValidSession(sessionId);
      this.lookups.set(subject, lookup);
    }
    return lookup;
  }
}

/** Caches the search through all modules, which took a tenth of the guard's time. */
const authenticators = new WeakMap<ModuleRef, Map<string | undefined, SessionAuthenticator>>();

/**
 * The authenticator of the `SessionModule` with this name, wherever the application imports it.
 *
 * @throws SessionError `ERR_SESSION_OPTIONS` if the application doesn't import such a module
 */
export function findAuthenticator(modules: ModuleRef, name?: string): SessionAuthenticator {
  let byName = authenticators.get(modules);
  if (!byName) authenticators.set(modules, (byName = new Map()));
  let authenticator = byName.get(name);
  if (!authenticator) byName.set(name, (authenticator = resolveAuthenticator(modules, name)));
  return authenticator;
}

function resolveAuthenticator(modules: ModuleRef, name?: string): SessionAuthenticator {
  try {
    return modules.get<SessionAuthenticator>(getSessionAuthenticatorToken(name), { strict: false });
  } catch (cause) {
    const missing =
      name === undefined ? 'a SessionModule without a name' : `a SessionModule named '${name}'`;
    throw new SessionError(
      'ERR_SESSION_OPTIONS',
      `@RequireSession: the application doesn't import ${missing}. Import ` +
        'SessionModule.forRoot(…), or set `name` to that of an imported one.',
      { cause },
    );
  }
}
