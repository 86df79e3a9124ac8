import { Controller, Get, Injectable, Module, type Type } from '@nestjs/common';
import { APP_GUARD, ExternalContextCreator, LazyModuleLoader } from '@nestjs/core';
import { describe, expect, test } from '@jest/globals';

import { Public, RequireSession, SessionGuard, SessionService } from '../../../src/index.js';
import type { Platform } from '../../support/nest-application.js';
import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn } from './web-application.js';

/** Has no decorator itself, so only a global guard protects it. */
@Controller('plain')
class PlainController {
  @Get()
  show() {
    return { shown: true };
  }

  @Public()
  @Get('open')
  open() {
    return { open: true };
  }
}

@Public()
@Controller('docs')
class DocsController {
  @Get()
  show() {
    return { shown: true };
  }

  @RequireSession()
  @Get('mine')
  mine() {
    return { mine: true };
  }
}

@RequireSession({ name: 'not-imported' })
@Controller('misspelt')
class MisspeltController {
  @Get()
  show(): void {}
}

/** A feature that is loaded on first use. */
@RequireSession()
@Injectable()
class ReportsFeature {
  constructor(private readonly sessions: SessionService) {}

  async count() {
    return (await this.sessions.listUserSessions('ada')).length;
  }
}

@Module({ providers: [ReportsFeature] })
class ReportsModule {}

describe.each<Platform>(['Express', 'Fastify'])('decorators on %s', (platform) => {
  const site = useWebApplication(platform, {
    module: { controllers: [DocsController, MisspeltController] },
  });

  test('a decorator on a class applies to all its methods', async () => {
    expect((await ask(site.app, 'GET /account')).status).toBe(401);
    expect((await ask(site.app, 'POST /account/name')).status).toBe(401);
  });

  test('a decorator on a method replaces the one on its class', async () => {
    expect(await ask(site.app, 'GET /account/help')).toMatchObject({
      status: 200,
      body: { signedIn: false },
    });
    expect((await ask(site.app, 'GET /docs')).status).toBe(200);
    expect((await ask(site.app, 'GET /docs/mine')).status).toBe(401);
    const cookie = await signIn(site.app);
    expect((await ask(site.app, 'GET /docs/mine', { cookie })).status).toBe(200);
  });

  test.each([
    ['plain', 11],
    ['longer', 11],
    ['shorter', 6],
  ])("a decorator on a method does not weaken its class's `fresh`: %s", async (path, minutes) => {
    const headers = { cookie: await signIn(site.app, 'grace') };
    const request = async (vault: string) => ask(site.app, `GET /${vault}/${path}`, headers);
    expect([(await request('vault')).status, (await request('derived-vault')).status]).toEqual([
      200, 200,
    ]);
    await site.letTimePass('grace', minutes * 60_000);
    for (const vault of ['vault', 'derived-vault']) {
      expect(await request(vault)).toMatchObject({
        status: 401,
        body: { code: 'ERR_SESSION_NOT_FRESH' },
      });
    }
  });

  test('decorators are inherited from a base controller, alongside guards of the derived one', async () => {
    expect((await ask(site.app, 'GET /derived/inherited')).status).toBe(401);
    expect((await ask(site.app, 'GET /derived/own')).status).toBe(401);
    const ada = { cookie: await signIn(site.app, 'ada') };
    expect(await ask(site.app, 'GET /derived/inherited', ada)).toMatchObject({
      status: 200,
      body: { name: 'Ada' },
    });
    expect((await ask(site.app, 'GET /derived/own', ada)).status).toBe(200);
  });

  test('a guard of the application can read the current user', async () => {
    const ada = { cookie: await signIn(site.app, 'ada') };
    const grace = { cookie: await signIn(site.app, 'grace') };
    expect((await ask(site.app, 'GET /account/reports', ada)).status).toBe(200);
    expect((await ask(site.app, 'GET /account/reports', grace)).status).toBe(403);
  });

  test('decorators apply in a lazy-loaded module', async () => {
    const loader = site.app.nest.get(LazyModuleLoader);
    const feature = await loader.load(() => Promise.resolve(ReportsModule as Type));
    const instance = feature.get(ReportsFeature);
    // Nest doesn't create routes for lazy modules; applications call their handlers like this.
    const count = site.app.nest.get(ExternalContextCreator).create(
      instance,
      instance.count,
      'count',
      undefined,
      undefined,
      undefined,
      undefined,
      {
        guards: true,
        filters: false,
        interceptors: false,
      },
      'http',
    );
    const anonymous = { headers: {}, method: 'GET' };
    await expect(count(anonymous)).rejects.toMatchObject({ code: 'ERR_SESSION_REQUIRED' });
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    await expect(count({ ...anonymous, headers: bearer(id) })).resolves.toBeGreaterThan(0);
  });

  test('a decorator that names a missing module rejects every request', async () => {
    const cookie = await signIn(site.app);
    expect((await ask(site.app, 'GET /misspelt', { cookie })).status).toBe(500);
  });

  test.each([0, -1, Number.NaN, 'soon' as '1m'])(
    'a decorator cannot be defined with fresh: %j',
    (fresh) => {
      expect(() => RequireSession({ fresh })).toThrow(/@RequireSession: `fresh` is/);
    },
  );

  test.each<[unknown, RegExp]>([
    ['staff', /the requirement is "staff"/],
    [{ name: '' }, /`name` is ""/],
    [{ name: 7 }, /`name` is 7/],
    [{ fresh: {} }, /`fresh` is an object/],
  ])('a decorator cannot be defined with %j', (requirement, message) => {
    expect(() => RequireSession(requirement as object)).toThrow(message);
  });
});

describe.each<Platform>(['Express', 'Fastify'])('a global SessionGuard on %s', (platform) => {
  const site = useWebApplication(platform, {
    module: {
      controllers: [PlainController, DocsController],
      providers: [{ provide: APP_GUARD, useClass: SessionGuard }],
    },
  });

  test('every route requires a session by default', async () => {
    expect((await ask(site.app, 'GET /plain')).status).toBe(401);
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    expect((await ask(site.app, 'GET /plain', bearer(id))).status).toBe(200);
    expect((await ask(site.app, 'GET /account', bearer(id))).status).toBe(200);
  });

  test('public routes accept every request', async () => {
    expect((await ask(site.app, 'GET /plain/open')).status).toBe(200);
    expect((await ask(site.app, 'GET /docs')).status).toBe(200);
    expect((await ask(site.app, 'GET /docs/mine')).status).toBe(401);
    expect((await ask(site.app, 'GET /account/help')).status).toBe(200);
  });

  test('a decorator on a class still selects the module', async () => {
    const staff = await site.app.staffSessions.createSession({ userId: 'ada' });
    expect((await ask(site.app, 'GET /staff', bearer(staff.id))).status).toBe(200);
  });
});
