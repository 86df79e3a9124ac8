import { Logger, type LoggerService } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn } from './web-application.js';

describe('the log of the guard', () => {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (...line: unknown[]) =>
      void lines.push(`${level} ${line.map(String).join(' ')}`);
  const logger: LoggerService = {
    log: write('log'),
    error: write('error'),
    warn: write('warn'),
    debug: write('debug'),
    verbose: write('verbose'),
  };
  const site = useWebApplication('Express');
  beforeAll(() => Logger.overrideLogger(logger));
  afterAll(() => Logger.overrideLogger(false));
  afterEach(() => void lines.splice(0));
  const guardLines = () => lines.filter((line) => line.includes('SessionGuard'));

  test('the log never contains a session ID', async () => {
    const cookie = await signIn(site.app);
    const id = cookie.split('=')[1]!;
    await ask(site.app, 'GET /account', { cookie });
    await ask(site.app, 'POST /account/name', { cookie, 'sec-fetch-site': 'cross-site' });
    const { body } = await ask(site.app, 'POST /session/rotate', { cookie });
    await ask(site.app, 'GET /account', { cookie });
    const rotated = (body as { id: string }).id;
    await ask(site.app, 'POST /session/sign-out', bearer(rotated));
    await ask(site.app, 'GET /account', bearer(rotated));
    expect(guardLines().length).toBeGreaterThan(0);
    for (const secret of [id, rotated]) expect(lines.join('\n')).not.toContain(secret.slice(-43));
  });

  test('a cross-site request is logged as a warning that contains nothing from the client', async () => {
    const cookie = await signIn(site.app);
    const origin = 'https://evil.example';
    await ask(site.app, 'POST /account/name?forged=line', { cookie, origin });
    expect(guardLines()).toEqual([
      'warn Rejected a cross-site request (ERR_SESSION_CROSS_SITE). SessionGuard',
    ]);
    expect(lines.join('\n')).not.toMatch(/forged|evil/);
  });

  test('a sign-in from a page on plain HTTP is warned of once, because browsers drop the cookie', async () => {
    const cookieLines = () => lines.filter((line) => line.includes('SessionCookie'));
    const signInFrom = async (headers: Record<string, string>) => {
      const { status } = await ask(site.app, 'POST /session', headers, { userId: 'ada' });
      expect(status).toBe(201);
    };
    await signInFrom({});
    await signInFrom({ origin: 'https://app.example', 'sec-fetch-site': 'same-origin' });
    expect(cookieLines()).toEqual([]);

    const plain = { origin: 'http://app.example', 'sec-fetch-site': 'same-origin' };
    await signInFrom(plain);
    await signInFrom(plain);
    expect(cookieLines()).toEqual([expect.stringMatching(/^warn .*__Host-session.*secure: false/)]);
    expect(lines.join('\n')).not.toContain('app.example');
  });

  test('an outage of Redis is logged once, and so is its end', async () => {
    const cookie = await signIn(site.app);
    const redis = site.redis.servers[0]!;
    redis.pause();
    await Promise.all(Array.from({ length: 20 }, () => ask(site.app, 'GET /account', { cookie })));
    redis.resume();
    await eventually(async () => {
      expect((await ask(site.app, 'GET /account', { cookie })).status).toBe(200);
    });
    expect(guardLines()).toEqual([
      expect.stringMatching(/^error Redis is unavailable, so requests are answered with 503: \S/),
      'log Redis is available again. SessionGuard',
    ]);
  });
});
