import { isIP } from 'node:net';

import type { ClientDetails, CreateSessionData, Session, SessionEnd } from '../session/session.js';
import type { SessionService } from '../session/session.service.js';
import { readCookie, writeCookie } from './cookie-header.js';
import type { CookieSettings } from './cookie-options.js';
import { credentialOf } from './credentials.js';
import { headerOf, setHeader, type HttpRequest, type HttpResponse } from './http-messages.js';
import { contextOfRequest } from './request-context.js';
import type { SessionAuthenticator } from './session.authenticator.js';
import { answerWith, asRejection } from './session-rejection.js';

/**
 * Signs users in and out over HTTP, and writes the session cookie, on Express and Fastify alike.
 * Every answer that it writes to says `Cache-Control: no-store`.
 *
 * ```ts
 * @Post('sign-in')
 * async signIn(@Body() body: Credentials, @Req() request: Request, @Res({ passthrough: true }) response: Response) {
 *   const user = await this.users.check(body); // throws where the password is wrong
 *   await this.cookie.signIn(request, response, { userId: user.id });
 * }
 * ```
 */
export class SessionCookie {
  constructor(
    private readonly service: SessionService<unknown>,
    private readonly gate: SessionAuthenticator,
    private readonly settings: CookieSettings,
  ) {}

  /**
   * Begins a session and gives it to the client. Its ID is always a new one, and a session that
   * the client brought along ends: nobody can be signed in to a session that somebody else knows
   * (session fixation, ASVS 7.2.4).
   *
   * The client's address and user agent are taken from the request, unless `client` says otherwise.
   *
   * @throws SessionRejection where a page of another site sent the request, or Redis is away
   */
  async signIn(
    request: HttpRequest,
    response: HttpResponse,
    data: CreateSessionData,
  ): Promise<Session> {
    this.gate.rejectCrossSite(contextOfRequest(request));
    return answering(response, async () => {
      // First, or the old session would count towards `maxSessionsPerUser`.
      await this.endBrought(request, { reason: 'signed-in-again' });
      const client = { ...clientOf(request), ...data.client };
      const session = await this.service.createSession({ ...data, client });
      this.set(response, session);
      return session;
    });
  }

  /** Ends the session that the request carries, if any, and has the client forget it. */
  async signOut(request: HttpRequest, response: HttpResponse, end?: SessionEnd): Promise<void> {
    this.gate.rejectCrossSite(contextOfRequest(request));
    await answering(response, () => this.endBrought(request, end));
    this.clear(response);
  }

  /**
   * Gives the request's session a new ID, as after a change of privileges: the old one ends in
   * the same step.
   *
   * @throws SessionRejection 401 where the request carries no live session
   */
  async rotate(request: HttpRequest, response: HttpResponse): Promise<Session> {
    return answering(response, async () => {
      const session = await this.service.rotateSession(this.read(request) ?? '');
      this.set(response, session);
      return session;
    });
  }

  /** The session ID that a request carries, unchecked. Null where there is none. */
  read(request: HttpRequest): string | null {
    return credentialOf(request.headers, this.settings.name)?.sessionId ?? null;
  }

  /** Sets the cookie to a session. */
  set(response: HttpResponse, session: Session): void {
    // Both times are of Redis's clock, so the browser's and ours don't matter.
    const lifetime = session.expiresAt.getTime() - session.createdAt.getTime();
    const maxAge = this.settings.persistent ? Math.ceil(lifetime / 1000) : undefined;
    writeCookie(response, this.settings, { value: session.id, maxAge });
  }

  /**
   * Has the client forget the cookie. `siteData` has the browser forget all that it keeps of this
   * site, caches and storage included (`Clear-Site-Data`); that can take it a while.
   */
  clear(response: HttpResponse, { siteData = false }: { siteData?: boolean } = {}): void {
    writeCookie(response, this.settings, { value: '', maxAge: 0 });
    if (siteData) setHeader(response, 'clear-site-data', '"cache", "cookies", "storage"');
  }

  /** The bearer's session and the cookie's: a client that signs in anew has done with both. */
  private async endBrought(request: HttpRequest, end?: SessionEnd): Promise<void> {
    const ids = [
      this.read(request),
      readCookie(headerOf(request.headers, 'cookie'), this.settings.name),
    ];
    for (const id of new Set(ids)) {
      if (id !== null) await this.service.destroySession(id, end);
    }
  }
}

/** What a request says of its client. Behind a proxy the address can be anything: then none. */
function clientOf(request: HttpRequest): ClientDetails {
  const ip = request.ip?.replace(/%.*$/, '');
  const userAgent = headerOf(request.headers, 'user-agent');
  return {
    ...(ip !== undefined && isIP(ip) !== 0 && { ip }),
    ...(userAgent !== null && { userAgent }),
  };
}

/** What can't be done becomes an answer that says so. */
async function answering<T>(response: HttpResponse, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw answerWith(response, asRejection(error));
  }
}
