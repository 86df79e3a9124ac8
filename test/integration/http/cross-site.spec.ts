import { describe, expect, test } from '@jest/globals';

import type { Platform } from '../../support/nest-application.js';
import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn } from './web-application.js';

const PARTNER = 'https://app.partner.example';

describe.each<Platform>(['Express', 'Fastify'])('cross-site requests on %s', (platform) => {
  const site = useWebApplication(platform, {
    options: { cookie: { trustedOrigins: [PARTNER] } },
  });
  const own = () => new URL(site.app.url).origin;

  const rename = async (headers: Record<string, string>) => {
    const cookie = await signIn(site.app);
    return ask(site.app, 'POST /account/name', { cookie, ...headers });
  };

  test('a cross-site request with the cookie is rejected if it could change state', async () => {
    const { status, body } = await rename({ 'sec-fetch-site': 'cross-site' });
    expect(status).toBe(403);
    expect(body).toEqual({
      statusCode: 403,
      code: 'ERR_SESSION_CROSS_SITE',
      error: 'Forbidden',
      message: 'This request came from a page of another site.',
    });
  });

  test.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling host, which is another origin', { 'sec-fetch-site': 'same-site' }],
    ['an unknown kind of site', { 'sec-fetch-site': 'moon' }],
    ['another origin in an older browser', { origin: 'https://evil.example' }],
    ['a sandboxed frame in an older browser', { origin: 'null' }],
    ['an invalid origin', { origin: 'evil' }],
    ['a host whose name starts like ours', { origin: 'http://127.0.0.1.evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
  ])('a request with the cookie is rejected if it comes from %s', async (_, headers) => {
    expect((await rename(headers)).status).toBe(403);
  });

  test.each<[string, () => Record<string, string>]>([
    ['a page of the same origin', () => ({ 'sec-fetch-site': 'same-origin' })],
    ['the address bar', () => ({ 'sec-fetch-site': 'none' })],
    ['the same origin in an older browser', () => ({ origin: own() })],
    [
      'the same host behind a proxy that terminates TLS',
      () => ({ origin: own().replace('http', 'https') }),
    ],
    ['a program that is not a browser', () => ({})],
    ['a trusted origin', () => ({ origin: PARTNER, 'sec-fetch-site': 'cross-site' })],
  ])('a request with the cookie is accepted if it comes from %s', async (_, headers) => {
    expect((await rename(headers())).status).toBe(204);
  });

  test('cross-site reads are accepted, because browsers hide the response from the page', async () => {
    const cookie = await signIn(site.app);
    const headers = { cookie, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    expect((await ask(site.app, 'GET /account', headers)).status).toBe(200);
    expect((await ask(site.app, 'HEAD /account', headers)).status).toBe(200);
  });

  test('a bearer token is accepted cross-site, because browsers do not attach it themselves', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    const headers = { ...bearer(id), 'sec-fetch-site': 'cross-site' };
    expect((await ask(site.app, 'POST /account/name', headers)).status).toBe(204);
  });

  test('a cross-site request without a session is rejected like any other', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await ask(site.app, 'POST /account/name', headers)).status).toBe(401);
  });

  test('a page of another site cannot sign users in or out', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' };
    const signedIn = await ask(site.app, 'POST /session', headers, { userId: 'ada' });
    expect(signedIn.status).toBe(403);
    expect(signedIn.headers.getSetCookie()).toEqual([]);
    const cookie = await signIn(site.app);
    const out = await ask(site.app, 'POST /session/sign-out', { cookie, ...headers });
    expect(out.status).toBe(403);
    expect((await ask(site.app, 'GET /account', { cookie })).status).toBe(200);
  });
});
