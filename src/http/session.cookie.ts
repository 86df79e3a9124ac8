import { isIP } from 'node:net';

import { isHandle } from '../session/addresses.js';
import type {
  ClientDetails,
  CreateSessionData,
  Session,
  SessionEnd,
  SessionId,
} from '../session/session.js';
import type { SessionService } from '../session/session.service.js';
import { readCookie, writeCookie } from './cookie-header.js';
import type { CookieSettings } from './cookie-options.js';
import { headerOf, setHeader, type HttpRequest, type HttpResponse } from './http-messages.js';
import { PlainHttpWarning } from './plain-http-warning.js';
import { contextOfRequest } from './request-context.js';
import type { SessionAuthenticator } from './session.authenticator.js';
import { asRejection, withHeaders } from './session-rejection.js';

/**
 * Signs users in and out over HTTP and writes the session cookie. Works with Express and Fastify.
 * Every response that it sets the cookie on also gets `Cache-Control: no-store`.
 *
 * ```ts
 * @Post('sign-in')
 * async signIn(@Body() body: Credentials, @Req() request: Request, @Res({ passthrough: true }) response: Response) {
 *   const user = await this.users.check(body); // throws if the password is wrong
 *   await this.cookie.signIn(request, response, { userId: user.id });
 * }
 * ```
 */
export class SessionCookie {
  private readonly plainHttpWarning = new PlainHttpWarning();

  constructor(
    private readonly service: SessionService<unknown>,
    private readonly authenticator: SessionAuthenticator,
    private readonly settings: CookieSettings,
  ) {}

  /**
   * Creates a session and sets the cookie to its ID, which is always a new one. A session that
   * the request already carries ends with the reason `signed-in-again`. So a client never ends up
   * in a session whose ID an attacker knows (session fixation; ASVS 5.0, 7.2.4).
   *
   * The rest of the request is signed in as well: a guard that runs later accepts it.
   *
   * The client's address and user agent are read from the request, unless `data.client` sets them.
   *
   * @throws SessionRejection if a page of another origin sent the request, or if the session can't
   * be created: `ERR_SESSION_LIMIT`, `ERR_SESSION_BACKLOG`, `ERR_SESSION_REDIS_FULL` or
   * `ERR_SESSION_REDIS_UNAVAILABLE`
   * @throws SessionError if `data` is invalid
   */
  async signIn(
    request: HttpRequest,
    response: HttpResponse,
    data: CreateSessionData,
  ): Promise<Session> {
    this.authenticator.rejectCrossSite(contextOfRequest(request));
    return withRejections(response, async () => {
      // End the old session first; otherwise it would count towards `maxSessionsPerUser`.
      await this.endCarriedSessions(request, { reason: 'signed-in-again' });
      const client = { ...clientOf(request), ...data.client };
      const session = await this.service.createSession({ ...data, client });
      this.plainHttpWarning.signedIn(request.headers, this.settings);
      return this.replace(request, response, session);
    });
  }

  /**
   * Ends the session that the request carries, if any, and clears the cookie.
   *
   * @throws SessionRejection if a page of another origin sent the request, or if Redis is
   * unavailable
   */
  async signOut(request: HttpRequest, response: HttpResponse, end?: SessionEnd): Promise<void> {
    this.authenticator.rejectCrossSite(contextOfRequest(request));
    await withRejections(response, () => this.endCarriedSessions(request, end));
    this.authenticator.replaceCredential(request, null);
    this.clear(response);
  }

  /**
   * Gives the session of the request a new ID and sets the cookie to it. The old ID becomes
   * invalid in the same step. Call it when the user's privileges change.
   *
   * @throws SessionRejection `ERR_SESSION_REQUIRED` if the request carries no live session
   */
  async rotate(request: HttpRequest, response: HttpResponse): Promise<Session> {
    return withRejections(response, async () => {
      const [carried] = idsAmong([this.read(request)]);
      const session = await this.service.rotateSession(carried ?? '');
      return this.replace(request, response, session);
    });
  }

  /**
   * The session ID that the request carries, unchecked; null if there is none. After a sign-in or a
   * rotation in this request, the new one.
   */
  read(request: HttpRequest): string | null {
    return this.authenticator.credentialOf(contextOfRequest(request))?.sessionId ?? null;
  }

  /** Sets the cookie to the ID of this session. */
  set(response: HttpResponse, session: Session): void {
    // Both times come from Redis's clock, so wrong clocks here or in the browser don't matter.
    const lifetime = session.expiresAt.getTime() - session.createdAt.getTime();
    const maxAge = this.settings.persistent ? Math.ceil(lifetime / 1000) : undefined;
    writeCookie(response, this.settings, { value: session.id, maxAge });
  }

  /**
   * Clears the cookie. With `siteData`, the browser also deletes its caches, other cookies and
   * storage of this site (`Clear-Site-Data`). This can take the browser a while.
   */
  clear(response: HttpResponse, { siteData = false }: { siteData?: boolean } = {}): void {
    writeCookie(response, this.settings, { value: '', maxAge: 0 });
    if (siteData) setHeader(response, 'clear-site-data', '"cache", "cookies", "storage"');
  }

  private replace(request: HttpRequest, response: HttpResponse, session: Session): Session {
    this.authenticator.replaceCredential(request, session.id);
    this.set(response, session);
    return session;
  }

  /** Ends the session of the bearer token and that of the cookie: the client replaces both. */
  private async endCarriedSessions(request: HttpRequest, end?: SessionEnd): Promise<void> {
    const ids = [
      this.read(request),
      readCookie(headerOf(request.headers, 'cookie'), this.settings.name),
    ];
    for (const id of new Set(idsAmong(ids))) await this.service.destroySession(id, end);
  }
}

/** Without handles: a client that knows a session's handle must not act on it. */
function idsAmong(credentials: (string | null)[]): SessionId[] {
  return credentials.filter((each) => each !== null && !isHandle(each)) as SessionId[];
}

/** Omits the address if it isn't an IP address; some proxies send other values. */
function clientOf(request: HttpRequest): ClientDetails {
  const ip = request.ip?.replace(/%.*$/, '');
  const userAgent = headerOf(request.headers, 'user-agent');
  return {
    ...(ip !== undefined && isIP(ip) !== 0 && { ip }),
    ...(userAgent !== null && { userAgent }),
  };
}

/** Turns errors of the module into rejections, and writes their headers to the response. */
async function withRejections<T>(response: HttpResponse, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw withHeaders(response, asRejection(error));
  }
}
