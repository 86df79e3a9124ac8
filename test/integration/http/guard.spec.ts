import { describe, expect, test } from '@jest/globals';

import type { Platform } from '../../support/nest-application.js';
import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn } from './web-application.js';

const MINUTE = 60_000;

const SESSION_REQUIRED = {
  statusCode: 401,
  code: 'ERR_SESSION_REQUIRED',
  error: 'Unauthorized',
  message: 'No valid session. Sign in first.',
};

describe.each<Platform>(['Express', 'Fastify'])('SessionGuard on %s', (platform) => {
  const site = useWebApplication(platform);

  test('a session cookie is accepted, and the handler receives the user and the session', async () => {
    const cookie = await signIn(site.app);
    const { status, body } = await ask(site.app, 'GET /account', { cookie });
    expect(status).toBe(200);
    expect(body).toMatchObject({ user: { id: 'ada', name: 'Ada' }, session: { userId: 'ada' } });
    expect(JSON.stringify(body)).not.toContain(cookie.split('=')[1]);
  });

  test('a session ID sent as a bearer token is accepted', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    const { status, body } = await ask(site.app, 'GET /account', bearer(id));
    expect(status).toBe(200);
    expect(body).toMatchObject({ user: { id: 'ada' } });
  });

  test('a request without a session is rejected', async () => {
    const { status, headers, body } = await ask(site.app, 'GET /account');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(body).toEqual(SESSION_REQUIRED);
  });

  test('a session ID in the URL is ignored', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    for (const name of ['session', '__Host-session', 'access_token', 'sessionId']) {
      expect((await ask(site.app, `GET /account?${name}=${id}`)).status).toBe(401);
    }
  });

  test.each([
    ['unknown', `sid_00${'A'.repeat(43)}`],
    ['malformed', 'not-a-session'],
    ['in a bucket that does not exist', `sid_ff${'A'.repeat(43)}`],
    ['empty', ''],
  ])('a session ID that is %s is rejected', async (_, id) => {
    const byCookie = await ask(site.app, 'GET /account', { cookie: `__Host-session=${id}` });
    expect(byCookie).toMatchObject({ status: 401, body: SESSION_REQUIRED });
    const byToken = await ask(site.app, 'GET /account', bearer(id));
    expect(byToken).toMatchObject({ status: 401, body: SESSION_REQUIRED });
    expect(byToken.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  test('an expired session is rejected', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'ada', expires: 30 * MINUTE });
    await site.letTimePass('ada', 29 * MINUTE);
    expect((await ask(site.app, 'GET /account', bearer(id))).status).toBe(200);
    await site.letTimePass('ada', 2 * MINUTE);
    expect(await ask(site.app, 'GET /account', bearer(id))).toMatchObject({
      status: 401,
      body: SESSION_REQUIRED,
    });
  });

  test('a revoked session is rejected at once', async () => {
    const { id, handle } = await site.app.sessions.createSession({ userId: 'ada' });
    expect((await ask(site.app, 'GET /account', bearer(id))).status).toBe(200);
    await site.app.sessions.destroySessionByHandle(handle, { actor: 'administrator' });
    expect(await ask(site.app, 'GET /account', bearer(id))).toMatchObject({
      status: 401,
      body: SESSION_REQUIRED,
    });
  });

  test('a session is rejected if the application no longer knows its user', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'removed' });
    expect(await ask(site.app, 'GET /account', bearer(id))).toMatchObject({
      status: 401,
      body: SESSION_REQUIRED,
    });
  });

  test('the cookie is ignored if a bearer token is present', async () => {
    const cookie = await signIn(site.app, 'ada');
    const { id } = await site.app.sessions.createSession({ userId: 'grace' });
    const both = await ask(site.app, 'GET /account', { cookie, ...bearer(id) });
    expect(both.body).toMatchObject({ user: { id: 'grace' } });
    const rejected = await ask(site.app, 'GET /account', { cookie, ...bearer('no-session') });
    expect(rejected.status).toBe(401);
  });

  test('other authentication schemes are ignored', async () => {
    const cookie = await signIn(site.app);
    const { status } = await ask(site.app, 'GET /account', { cookie, authorization: 'Basic YTpi' });
    expect(status).toBe(200);
  });

  describe('fresh', () => {
    test('a recent sign-in is accepted', async () => {
      const cookie = await signIn(site.app);
      expect((await ask(site.app, 'POST /account/password', { cookie })).status).toBe(204);
      await site.letTimePass('ada', 9 * MINUTE);
      expect((await ask(site.app, 'POST /account/password', { cookie })).status).toBe(204);
    });

    test('a sign-in that is too old is rejected with its own code, and only on this route', async () => {
      const cookie = await signIn(site.app);
      await site.letTimePass('ada', 11 * MINUTE);
      const { status, headers, body } = await ask(site.app, 'POST /account/password', { cookie });
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe(
        'Bearer error="insufficient_user_authentication", max_age="600"',
      );
      expect(body).toEqual({
        statusCode: 401,
        code: 'ERR_SESSION_NOT_FRESH',
        error: 'Unauthorized',
        message: 'You signed in too long ago for this. Sign in again.',
      });
      expect((await ask(site.app, 'POST /account/name', { cookie })).status).toBe(204);
    });

    test('rotating a session does not make its sign-in fresh', async () => {
      const cookie = await signIn(site.app);
      await site.letTimePass('ada', 11 * MINUTE);
      const rotated = await ask(site.app, 'POST /session/rotate', { cookie });
      const newCookie = rotated.headers.getSetCookie()[0]!.split(';')[0]!;
      const { body } = await ask(site.app, 'POST /account/password', { cookie: newCookie });
      expect(body).toMatchObject({ code: 'ERR_SESSION_NOT_FRESH' });
    });
  });

  describe('two modules in one application', () => {
    test('each module sets its own cookie', async () => {
      const { headers } = await ask(site.app, 'POST /staff-session', {}, { userId: 'ada' });
      expect(headers.getSetCookie()[0]).toMatch(/^__Host-session-staff=/);
    });

    test('a session of one module is rejected by the other', async () => {
      const customer = await site.app.sessions.createSession({ userId: 'ada' });
      const staff = await site.app.staffSessions.createSession({ userId: 'ada' });
      expect((await ask(site.app, 'GET /account', bearer(customer.id))).status).toBe(200);
      expect((await ask(site.app, 'GET /staff', bearer(staff.id))).status).toBe(200);
      expect((await ask(site.app, 'GET /account', bearer(staff.id))).status).toBe(401);
      expect((await ask(site.app, 'GET /staff', bearer(customer.id))).status).toBe(401);
      const forged = { cookie: `__Host-session-staff=${customer.id}` };
      expect((await ask(site.app, 'GET /staff', forged)).status).toBe(401);
    });

    test('a decorator on a method keeps the module name of its class', async () => {
      const customer = await site.app.sessions.createSession({ userId: 'ada' });
      const staff = await site.app.staffSessions.createSession({ userId: 'ada' });
      expect((await ask(site.app, 'POST /staff/payments', bearer(staff.id))).status).toBe(204);
      expect((await ask(site.app, 'POST /staff/payments', bearer(customer.id))).status).toBe(401);
    });
  });
});
