import { Logger, type LoggerService } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn } from './web-application.js';

describe('the log', () => {
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
  const ofGuard = () => lines.filter((line) => line.includes('SessionGuard'));

  test('holds no session ID, whatever happens to a session', async () => {
    const cookie = await signIn(site.app);
    const id = cookie.split('=')[1]!;
    await ask(site.app, 'GET /account', { cookie });
    await ask(site.app, 'POST /account/name', { cookie, 'sec-fetch-site': 'cross-site' });
    const { body } = await ask(site.app, 'POST /session/rotate', { cookie });
    await ask(site.app, 'GET /account', { cookie });
    const rotated = (body as { id: string }).id;
    await ask(site.app, 'POST /session/sign-out', bearer(rotated));
    await ask(site.app, 'GET /account', bearer(rotated));
    expect(ofGuard().length).toBeGreaterThan(0);
    for (const secret of [id, rotated]) expect(lines.join('\n')).not.toContain(secret.slice(2));
  });

  test('warns of a cross-site request, in words that the client has no part in', async () => {
    const cookie = await signIn(site.app);
    const origin = 'https://evil.example';
    await ask(site.app, 'POST /account/name?forged=line', { cookie, origin });
    expect(ofGuard()).toEqual([
      'warn Rejected a cross-site request (ERR_SESSION_CROSS_SITE). SessionGuard',
    ]);
    expect(lines.join('\n')).not.toMatch(/forged|evil/);
  });

  test('tells that Redis is away once, and once that it is back', async () => {
    const cookie = await signIn(site.app);
    const redis = site.ground.redis.servers[0]!;
    redis.pause();
    await Promise.all(Array.from({ length: 20 }, () => ask(site.app, 'GET /account', { cookie })));
    redis.resume();
    await eventually(async () => {
      expect((await ask(site.app, 'GET /account', { cookie })).status).toBe(200);
    });
    expect(ofGuard()).toEqual([
      expect.stringMatching(/^error Redis is unavailable, so requests are answered with 503: \S/),
      'log Redis is available again. SessionGuard',
    ]);
  });
});
