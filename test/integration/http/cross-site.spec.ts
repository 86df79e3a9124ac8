import { describe, expect, test } from '@jest/globals';

import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn, type Platform } from './web-application.js';

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

  test('are refused where they would change something with the cookie', async () => {
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
    ['nobody knows where', { 'sec-fetch-site': 'moon' }],
    ['another origin, by an older browser', { origin: 'https://evil.example' }],
    ['a sandboxed frame, by an older browser', { origin: 'null' }],
    ['an origin that is none', { origin: 'evil' }],
    ['a host that starts like ours', { origin: 'http://127.0.0.1.evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
  ])('are refused from %s', async (_, headers) => {
    expect((await rename(headers)).status).toBe(403);
  });

  test.each<[string, () => Record<string, string>]>([
    ['a page of the same origin', () => ({ 'sec-fetch-site': 'same-origin' })],
    ['the address bar', () => ({ 'sec-fetch-site': 'none' })],
    ['the same origin, by an older browser', () => ({ origin: own() })],
    [
      'the same host, behind a proxy that ends TLS',
      () => ({ origin: own().replace('http', 'https') }),
    ],
    ['a program that is no browser', () => ({})],
    ['a trusted origin', () => ({ origin: PARTNER, 'sec-fetch-site': 'cross-site' })],
  ])('is not what comes from %s', async (_, headers) => {
    expect((await rename(headers())).status).toBe(204);
  });

  test('that only read pass: the browser keeps the answer from the other page', async () => {
    const cookie = await signIn(site.app);
    const headers = { cookie, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    expect((await ask(site.app, 'GET /account', headers)).status).toBe(200);
    expect((await ask(site.app, 'HEAD /account', headers)).status).toBe(200);
  });

  test('with a bearer token pass: no browser sends that of its own accord', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    const headers = { ...bearer(id), 'sec-fetch-site': 'cross-site' };
    expect((await ask(site.app, 'POST /account/name', headers)).status).toBe(204);
  });

  test('without any session are told to sign in, like all others', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await ask(site.app, 'POST /account/name', headers)).status).toBe(401);
  });

  test('sign nobody in or out', async () => {
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
