import { Controller, Get } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { SessionExceptionFilter, SessionService } from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';
import type { Platform } from '../../support/nest-application.js';
import { useWebApplication } from './use-web-application.js';
import { ask, signIn } from './web-application.js';

/** Calls the service directly, without a guard. */
@Controller('devices')
class DevicesController {
  constructor(private readonly sessions: SessionService) {}

  @Get()
  list() {
    return this.sessions.listUserSessions('ada');
  }
}

describe.each<Platform>(['Express', 'Fastify'])('while Redis is unavailable, on %s', (platform) => {
  const site = useWebApplication(platform, {
    module: {
      controllers: [DevicesController],
      providers: [{ provide: APP_FILTER, useClass: SessionExceptionFilter }],
    },
  });
  const redis = () => site.redis.servers[0]!;
  let cookie: string;

  const UNAVAILABLE = {
    statusCode: 503,
    code: 'ERR_SESSION_REDIS_UNAVAILABLE',
    error: 'Service Unavailable',
    message: 'Sessions are temporarily unavailable. Try again in a few seconds.',
  };

  beforeEach(async () => {
    cookie = await signIn(site.app);
  });
  afterEach(async () => {
    redis().resume();
    await eventually(async () => {
      expect((await ask(site.app, 'POST /session', {}, { userId: 'ada' })).status).toBe(201);
    });
  });

  test('the guard answers 503 with Retry-After within two seconds, and recovers', async () => {
    redis().pause();
    const asked = performance.now();
    const { status, headers, body } = await ask(site.app, 'GET /account', { cookie });
    expect(performance.now() - asked).toBeLessThan(2_000);
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('2');
    expect(body).toEqual(UNAVAILABLE);

    redis().resume();
    await eventually(async () => {
      expect((await ask(site.app, 'GET /account', { cookie })).status).toBe(200);
    });
  });

  test('the guard answers 503 after Redis was killed, and 401 once it is back without its data', async () => {
    await redis().kill();
    expect(await ask(site.app, 'GET /account', { cookie })).toMatchObject({
      status: 503,
      body: UNAVAILABLE,
    });
    await redis().restart();
    await eventually(async () => {
      expect((await ask(site.app, 'GET /account', { cookie })).status).toBe(401);
    });
  });

  test('signing in and signing out fail with 503', async () => {
    redis().pause();
    const signedIn = await ask(site.app, 'POST /session', {}, { userId: 'ada' });
    expect(signedIn).toMatchObject({ status: 503, body: UNAVAILABLE });
    expect(signedIn.headers.get('retry-after')).toBe('2');
    expect(signedIn.headers.getSetCookie()).toEqual([]);
    const signedOut = await ask(site.app, 'POST /session/sign-out', { cookie });
    expect(signedOut).toMatchObject({ status: 503, body: UNAVAILABLE });
  });

  test('public routes keep working, and invalid requests are still rejected with 401', async () => {
    redis().pause();
    expect((await ask(site.app, 'GET /account/help', { cookie })).status).toBe(200);
    expect((await ask(site.app, 'GET /account')).status).toBe(401);
    const malformed = { cookie: '__Host-session=malformed' };
    expect((await ask(site.app, 'GET /account', malformed)).status).toBe(401);
  });

  test('the exception filter answers 503 for an error of the service', async () => {
    redis().pause();
    const { status, headers, body } = await ask(site.app, 'GET /devices');
    expect({ status, body }).toEqual({ status: 503, body: UNAVAILABLE });
    expect(headers.get('retry-after')).toBe('2');
  });
});
