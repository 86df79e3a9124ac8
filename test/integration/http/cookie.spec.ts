import {
  Body,
  Controller,
  Get,
  Injectable,
  Post,
  Req,
  Res,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { describe, expect, test } from '@jest/globals';

import {
  CurrentUser,
  SessionCookie,
  SessionGuard,
  type HttpRequest,
  type HttpResponse,
} from '../../../src/index.js';
import { setHeader } from '../../../src/http/http-messages.js';
import type { Platform } from '../../support/nest-application.js';
import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn } from './web-application.js';

/** Signs in whoever comes without a session, as a bridge from other sessions does. */
@Injectable()
class AutomaticSignIn implements CanActivate {
  constructor(private readonly cookie: SessionCookie) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const http = execution.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    if (this.cookie.read(request) !== null) return true;
    await this.cookie.signIn(request, http.getResponse(), { userId: 'grace' });
    return true;
  }
}

/** Calls single methods of `SessionCookie`. */
@Controller('parts')
class PartsController {
  constructor(private readonly cookie: SessionCookie) {}

  @UseGuards(AutomaticSignIn, SessionGuard)
  @Get('automatic')
  automatic(@CurrentUser() user: object) {
    return user;
  }

  @UseGuards(SessionGuard)
  @Post('rotate-and-sign-out')
  async rotateAndSignOut(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    const { id } = await this.cookie.rotate(request, response);
    const rotated = this.cookie.read(request) === id;
    await this.cookie.signOut(request, response);
    return { rotated, id, left: this.cookie.read(request) };
  }

  @Post('twice')
  async twice(
    @Body() { userId }: { userId: string },
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ) {
    setHeader(response, 'set-cookie', ['theme=dark; Path=/']);
    await this.cookie.signIn(request, response, { userId });
    await this.cookie.signIn(request, response, { userId });
  }

  @Post('clear')
  clear(@Res({ passthrough: true }) response: HttpResponse): void {
    this.cookie.clear(response, { siteData: true });
  }
}

describe.each<Platform>(['Express', 'Fastify'])('SessionCookie on %s', (platform) => {
  const site = useWebApplication(platform, { module: { controllers: [PartsController] } });

  test('the cookie has the strictest attributes, and the response is not cached', async () => {
    const { headers, body } = await ask(site.app, 'POST /session', {}, { userId: 'ada' });
    const { id } = body as { id: string };
    expect(headers.getSetCookie()).toEqual([
      `__Host-session=${id}; Path=/; Secure; HttpOnly; SameSite=Lax`,
    ]);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('the cookie is set once per response, and cookies of the application are kept', async () => {
    const { headers } = await ask(site.app, 'POST /parts/twice', {}, { userId: 'ada' });
    expect(headers.getSetCookie()).toHaveLength(2);
    expect(headers.getSetCookie()[0]).toBe('theme=dark; Path=/');
    expect(headers.getSetCookie()[1]).toMatch(/^__Host-session=/);
  });

  test('a guard that runs after a sign-in in the same request accepts it', async () => {
    const { status, headers, body } = await ask(site.app, 'GET /parts/automatic');
    expect([status, body]).toEqual([200, expect.objectContaining({ id: 'grace' })]);
    const cookie = headers.getSetCookie()[0]!.split(';')[0]!;
    const again = await ask(site.app, 'GET /parts/automatic', { cookie });
    expect([again.status, again.headers.getSetCookie()]).toEqual([200, []]);
  });

  test('a sign-out after a rotation in the same request ends the rotated session', async () => {
    const cookie = await signIn(site.app, 'ada');
    const { body } = await ask(site.app, 'POST /parts/rotate-and-sign-out', { cookie });
    const { id, ...rest } = body as { id: string };
    expect(rest).toEqual({ rotated: true, left: null });
    expect((await ask(site.app, 'GET /account', bearer(id))).status).toBe(401);
  });

  test('the new session records the address and the user agent of the client', async () => {
    const { headers } = await ask(
      site.app,
      'POST /session',
      { 'user-agent': 'Firefox' },
      { userId: 'ada' },
    );
    const cookie = headers.getSetCookie()[0]!.split(';')[0]!;
    const { body } = await ask(site.app, 'GET /account', { cookie });
    expect(body).toMatchObject({ session: { client: { ip: '127.0.0.1', userAgent: 'Firefox' } } });
  });

  test('signing in always creates a new session ID, which prevents session fixation', async () => {
    const planted = await site.app.sessions.createSession({ userId: 'grace' });
    const unknown = `sid_00${'A'.repeat(43)}`;
    for (const sent of [planted.id, unknown]) {
      const { body, headers } = await ask(
        site.app,
        'POST /session',
        { cookie: `__Host-session=${sent}` },
        { userId: 'ada' },
      );
      expect((body as { id: string }).id).not.toBe(sent);
      expect(headers.getSetCookie()[0]).not.toContain(sent);
      expect(await site.app.sessions.validateSession(sent)).toBeNull();
    }
  });

  test('signing in again replaces the cookie and ends the previous session', async () => {
    const first = await signIn(site.app, 'ada');
    const { headers } = await ask(site.app, 'POST /session', { cookie: first }, { userId: 'ada' });
    const second = headers.getSetCookie()[0]!.split(';')[0]!;
    expect((await ask(site.app, 'GET /account', { cookie: first })).status).toBe(401);
    expect((await ask(site.app, 'GET /account', { cookie: second })).status).toBe(200);
  });

  test("a client that knows only a session's handle can do nothing with it", async () => {
    const { id, handle } = await site.app.sessions.createSession({ userId: 'ada' });
    for (const headers of [{ cookie: `__Host-session=${handle}` }, bearer(handle)]) {
      expect((await ask(site.app, 'GET /account', headers)).status).toBe(401);
      expect((await ask(site.app, 'POST /session/rotate', headers)).status).toBe(401);
      expect((await ask(site.app, 'POST /session/sign-out', headers)).status).toBeLessThan(300);
      const signedIn = await ask(site.app, 'POST /session', headers, { userId: 'grace' });
      expect(signedIn.status).toBeLessThan(300);
    }
    expect(await site.app.sessions.validateSession(id)).toMatchObject({ id: 'ada' });
  });

  test('two sign-ins never share a session ID', async () => {
    const cookies = await Promise.all(Array.from({ length: 20 }, () => signIn(site.app, 'ada')));
    expect(new Set(cookies).size).toBe(20);
  });

  test('rotating a session sets the cookie to the new ID and invalidates the old one', async () => {
    const before = await signIn(site.app, 'ada');
    const { headers } = await ask(site.app, 'POST /session/rotate', { cookie: before });
    const after = headers.getSetCookie()[0]!.split(';')[0]!;
    expect(headers.get('cache-control')).toBe('no-store');
    expect(after).not.toBe(before);
    expect((await ask(site.app, 'GET /account', { cookie: before })).status).toBe(401);
    expect((await ask(site.app, 'GET /account', { cookie: after })).status).toBe(200);
  });

  test('signing out deletes the cookie and ends the session', async () => {
    const cookie = await signIn(site.app, 'ada');
    const { status, headers } = await ask(site.app, 'POST /session/sign-out', { cookie });
    expect(status).toBe(204);
    expect(headers.getSetCookie()).toEqual([
      '__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax',
    ]);
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await ask(site.app, 'GET /account', { cookie })).status).toBe(401);
  });

  test('clearing the cookie can also delete all other data of the site', async () => {
    const { headers } = await ask(site.app, 'POST /parts/clear');
    expect(headers.get('clear-site-data')).toBe('"cache", "cookies", "storage"');
  });

  test('signing out without a session succeeds', async () => {
    expect((await ask(site.app, 'POST /session/sign-out')).status).toBe(204);
    expect((await ask(site.app, 'POST /session/sign-out', bearer('no-session'))).status).toBe(204);
  });
});

describe('SessionCookie with other options', () => {
  const site = useWebApplication('Express', {
    options: {
      cookie: { secure: false, sameSite: 'strict', persistent: true },
      lifetime: '1h',
    },
  });

  test('a persistent cookie lasts as long as the session', async () => {
    const { headers } = await ask(site.app, 'POST /session', {}, { userId: 'ada' });
    expect(headers.getSetCookie()[0]).toMatch(
      /^session=[\w-]+; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict$/,
    );
  });

  test('a cookie that outlives its session gives no access', async () => {
    const cookie = await signIn(site.app, 'ada');
    await site.letTimePass('ada', 61 * 60_000);
    expect((await ask(site.app, 'GET /account', { cookie })).status).toBe(401);
  });
});

describe('a client address behind a proxy', () => {
  const site = useWebApplication('Express');

  test.each(['unknown', '198.51.100.7:4711', '"><script>', 'fe80::1%eth0'])(
    'an address of %j does not prevent signing in',
    async (forwarded) => {
      const express = site.app.nest.getHttpAdapter().getInstance();
      express.set('trust proxy', true);
      const { status } = await ask(
        site.app,
        'POST /session',
        { 'x-forwarded-for': forwarded },
        { userId: 'ada' },
      );
      expect(status).toBe(201);
    },
  );
});
