import { describe, expect, test } from '@jest/globals';

import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn, type Platform } from './web-application.js';

const MINUTE = 60_000;

const SIGN_IN_FIRST = {
  statusCode: 401,
  code: 'ERR_SESSION_REQUIRED',
  error: 'Unauthorized',
  message: 'No valid session. Sign in first.',
};

describe.each<Platform>(['Express', 'Fastify'])('the guard on %s', (platform) => {
  const site = useWebApplication(platform);

  test('lets in the user of a session by its cookie, and gives both to the handler', async () => {
    const cookie = await signIn(site.app);
    const { status, body } = await ask(site.app, 'GET /account', { cookie });
    expect(status).toBe(200);
    expect(body).toMatchObject({ user: { id: 'ada', name: 'Ada' }, session: { userId: 'ada' } });
    expect(JSON.stringify(body)).not.toContain(cookie.split('=')[1]);
  });

  test('lets in the user of a session by its bearer token', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    const { status, body } = await ask(site.app, 'GET /account', bearer(id));
    expect(status).toBe(200);
    expect(body).toMatchObject({ user: { id: 'ada' } });
  });

  test('refuses a request without a session', async () => {
    const { status, headers, body } = await ask(site.app, 'GET /account');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(body).toEqual(SIGN_IN_FIRST);
  });

  test('never takes a session ID from the URL', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    for (const name of ['session', '__Host-session', 'access_token', 'sessionId']) {
      expect((await ask(site.app, `GET /account?${name}=${id}`)).status).toBe(401);
    }
  });

  test.each([
    ['unknown', `00${'A'.repeat(43)}`],
    ['malformed', 'not-a-session'],
    ['of a bucket that there is not', `ff${'A'.repeat(43)}`],
    ['empty', ''],
  ])('refuses a session ID that is %s', async (_, id) => {
    const byCookie = await ask(site.app, 'GET /account', { cookie: `__Host-session=${id}` });
    expect(byCookie).toMatchObject({ status: 401, body: SIGN_IN_FIRST });
    const byToken = await ask(site.app, 'GET /account', bearer(id));
    expect(byToken).toMatchObject({ status: 401, body: SIGN_IN_FIRST });
    expect(byToken.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  test('refuses a session that has expired', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'ada', expires: 30 * MINUTE });
    await site.letTimePass('ada', 29 * MINUTE);
    expect((await ask(site.app, 'GET /account', bearer(id))).status).toBe(200);
    await site.letTimePass('ada', 2 * MINUTE);
    expect(await ask(site.app, 'GET /account', bearer(id))).toMatchObject({
      status: 401,
      body: SIGN_IN_FIRST,
    });
  });

  test('refuses a session from the moment it is revoked', async () => {
    const { id, handle } = await site.app.sessions.createSession({ userId: 'ada' });
    expect((await ask(site.app, 'GET /account', bearer(id))).status).toBe(200);
    await site.app.sessions.destroySessionByHandle(handle, { actor: 'administrator' });
    expect(await ask(site.app, 'GET /account', bearer(id))).toMatchObject({
      status: 401,
      body: SIGN_IN_FIRST,
    });
  });

  test('refuses a user whom the application does not know any more', async () => {
    const { id } = await site.app.sessions.createSession({ userId: 'removed' });
    expect(await ask(site.app, 'GET /account', bearer(id))).toMatchObject({
      status: 401,
      body: SIGN_IN_FIRST,
    });
  });

  test('goes by the bearer token alone where there is a cookie too', async () => {
    const cookie = await signIn(site.app, 'ada');
    const { id } = await site.app.sessions.createSession({ userId: 'grace' });
    const both = await ask(site.app, 'GET /account', { cookie, ...bearer(id) });
    expect(both.body).toMatchObject({ user: { id: 'grace' } });
    const refused = await ask(site.app, 'GET /account', { cookie, ...bearer('no-session') });
    expect(refused.status).toBe(401);
  });

  test('leaves other authentication schemes alone', async () => {
    const cookie = await signIn(site.app);
    const { status } = await ask(site.app, 'GET /account', { cookie, authorization: 'Basic YTpi' });
    expect(status).toBe(200);
  });

  describe('fresh', () => {
    test('lets in a session whose sign-in is young enough', async () => {
      const cookie = await signIn(site.app);
      expect((await ask(site.app, 'POST /account/password', { cookie })).status).toBe(204);
      await site.letTimePass('ada', 9 * MINUTE);
      expect((await ask(site.app, 'POST /account/password', { cookie })).status).toBe(204);
    });

    test('refuses an older sign-in with a code of its own, and no other route', async () => {
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

    test('is not won by rotating the session', async () => {
      const cookie = await signIn(site.app);
      await site.letTimePass('ada', 11 * MINUTE);
      const rotated = await ask(site.app, 'POST /session/rotate', { cookie });
      const newCookie = rotated.headers.getSetCookie()[0]!.split(';')[0]!;
      const { body } = await ask(site.app, 'POST /account/password', { cookie: newCookie });
      expect(body).toMatchObject({ code: 'ERR_SESSION_NOT_FRESH' });
    });
  });

  describe('two modules in one application', () => {
    test('each has a cookie of its own', async () => {
      const { headers } = await ask(site.app, 'POST /staff-session', {}, { userId: 'ada' });
      expect(headers.getSetCookie()[0]).toMatch(/^__Host-session-staff=/);
    });

    test('a session of the one is none of the other', async () => {
      const customer = await site.app.sessions.createSession({ userId: 'ada' });
      const staff = await site.app.staffSessions.createSession({ userId: 'ada' });
      expect((await ask(site.app, 'GET /account', bearer(customer.id))).status).toBe(200);
      expect((await ask(site.app, 'GET /staff', bearer(staff.id))).status).toBe(200);
      expect((await ask(site.app, 'GET /account', bearer(staff.id))).status).toBe(401);
      expect((await ask(site.app, 'GET /staff', bearer(customer.id))).status).toBe(401);
      const forged = { cookie: `__Host-session-staff=${customer.id}` };
      expect((await ask(site.app, 'GET /staff', forged)).status).toBe(401);
    });

    test("a method's own requirement stays with the module of its class", async () => {
      const customer = await site.app.sessions.createSession({ userId: 'ada' });
      const staff = await site.app.staffSessions.createSession({ userId: 'ada' });
      expect((await ask(site.app, 'POST /staff/payments', bearer(staff.id))).status).toBe(204);
      expect((await ask(site.app, 'POST /staff/payments', bearer(customer.id))).status).toBe(401);
    });
  });
});
