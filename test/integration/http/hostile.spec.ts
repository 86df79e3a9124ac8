import { once } from 'node:events';
import { Agent, get, type OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';

import {
  getSessionAuthenticatorToken,
  type SessionAuthenticator,
} from '../../../src/http/session.authenticator.js';
import type { Platform } from '../../support/nest-application.js';
import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn } from './web-application.js';

describe.each<Platform>(['Express', 'Fastify'])('hostile requests on %s', (platform) => {
  const site = useWebApplication(platform);

  /** Sends raw bytes, which an HTTP client would reject, and returns the status. */
  const send = (lines: (string | Buffer)[]): Promise<number> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(site.app.url);
      const socket = connect(Number(port), hostname, () => {
        for (const line of lines) socket.write(Buffer.concat([Buffer.from(line), CRLF]));
        socket.write(CRLF);
      });
      let answer = '';
      socket.on('data', (data) => (answer += data.toString('latin1')));
      socket.on('error', reject);
      socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])));
    });
  const CRLF = Buffer.from('\r\n');
  const GET = ['GET /account HTTP/1.1', 'Host: localhost', 'Connection: close'];

  test('an `Upgrade` header on an ordinary request does not tie its connection to the session', async () => {
    const ada = await site.app.sessions.createSession({ userId: 'ada' });
    const grace = await site.app.sessions.createSession({ userId: 'grace' });
    // The connection of a proxy, which carries the requests of two users.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const asks = async (id: string, headers: OutgoingHttpHeaders = {}) => {
      const options = { agent, headers: { ...bearer(id), ...headers } };
      const [response] = await once(get(`${site.app.url}/account`, options), 'response');
      const port = response.socket.localPort;
      response.resume();
      await once(response, 'end');
      return [response.statusCode, port];
    };
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    const [status] = await asks(ada.id, upgrade);
    expect(status).toBe(200);
    const token = getSessionAuthenticatorToken('default');
    expect(site.app.nest.get<SessionAuthenticator>(token).sockets.size).toBe(0);
    const [, port] = await asks(grace.id);
    await site.app.sessions.destroySession(ada.id);
    expect(await asks(grace.id)).toEqual([200, port]);
    agent.destroy();
  });

  test('two different session cookies are rejected', async () => {
    const ada = await signIn(site.app, 'ada');
    const grace = await signIn(site.app, 'grace');
    for (const cookie of [`${ada}; ${grace}`, `${ada}; __Host-session=`, `x=1; ${ada};${grace}`]) {
      expect((await ask(site.app, 'GET /account', { cookie })).status).toBe(401);
    }
    expect(await send([...GET, `Cookie: ${ada}`, `Cookie: ${grace}`])).toBe(401);
  });

  test('the same session cookie twice is accepted', async () => {
    const ada = await signIn(site.app, 'ada');
    const { status, body } = await ask(site.app, 'GET /account', { cookie: `${ada}; ${ada}` });
    expect(status).toBe(200);
    expect(body).toMatchObject({ user: { id: 'ada' } });
  });

  test('cookies with similar names are ignored', async () => {
    const [, id] = (await signIn(site.app)).split('=');
    for (const name of ['__host-session', 'session', '__Host-session-staff', 'x__Host-session']) {
      expect((await ask(site.app, 'GET /account', { cookie: `${name}=${id}` })).status).toBe(401);
    }
  });

  test('the session cookie is found among 8 KB of cookies', async () => {
    const cookie = await signIn(site.app);
    const padding = `padding=${'x'.repeat(8 * 1024)}`;
    const found = await ask(site.app, 'GET /account', { cookie: `${padding}; ${cookie}` });
    expect(found.status).toBe(200);
    const long = { cookie: `__Host-session=${'A'.repeat(8 * 1024)}` };
    expect((await ask(site.app, 'GET /account', long)).status).toBe(401);
    const many = { cookie: Array.from({ length: 2_000 }, (_, i) => `c${i}=`).join(';') };
    expect((await ask(site.app, 'GET /account', many)).status).toBe(401);
  });

  test('invalid UTF-8 is rejected', async () => {
    const broken = Buffer.from([0xc3, 0x28, 0xa0, 0xa1, 0xe2, 0x28, 0xff, 0xfe]);
    const cookie = Buffer.concat([Buffer.from('Cookie: __Host-session='), broken]);
    expect(await send([...GET, cookie])).toBe(401);
    const token = Buffer.concat([Buffer.from('Authorization: Bearer '), broken]);
    expect(await send([...GET, token])).toBe(401);
    for (const encoded of ['%', '%C3%28', '%00', '%u0041', '"', '\\', '=', '==;=;;']) {
      const headers = { cookie: `__Host-session=${encoded}` };
      expect((await ask(site.app, 'GET /account', headers)).status).toBe(401);
    }
  });

  const AUTHORIZATIONS = [
    'Bearer',
    'Bearer ',
    'bearer    ',
    'Bearer a b',
    'Bearer,Bearer',
    `Bearer ${'A'.repeat(8 * 1024)}`,
    'Bearer __proto__',
    'Bearer constructor',
    'Bearer 00*',
    'Bearer {0}:s:x',
  ];
  test.each(AUTHORIZATIONS.map((authorization) => [authorization.slice(0, 20), authorization]))(
    'the Authorization header %j is rejected',
    async (_, authorization) => {
      expect((await ask(site.app, 'GET /account', { authorization })).status).toBe(401);
    },
  );

  test('a client cannot inject headers or cookies into the response', async () => {
    const { status, headers } = await ask(
      site.app,
      'POST /session',
      { cookie: '__Host-session=x%0d%0aSet-Cookie:%20admin=1', 'user-agent': 'x%0d%0aX-Admin: 1' },
      { userId: 'ada%0d%0aSet-Cookie: admin=1' },
    );
    expect(status).toBe(201);
    expect(headers.getSetCookie()).toHaveLength(1);
    expect(headers.get('x-admin')).toBeNull();
    expect([400, 401]).toContain(await send([...GET, 'Cookie: __Host-session=a\rSet-Cookie: b']));
  });

  test('session data with a __proto__ key does not pollute prototypes', async () => {
    const data = JSON.parse('{"__proto__": {"isAdmin": true}, "constructor": {"prototype": 1}}');
    const { id } = await site.app.sessions.createSession({ userId: 'grace', data });
    const { status, body } = await ask(site.app, 'GET /account', bearer(id));
    expect(status).toBe(200);
    expect(Object.keys((body as { session: { data: object } }).session.data)).toContain(
      '__proto__',
    );
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect((await ask(site.app, 'GET /account/reports', bearer(id))).status).toBe(403);
  });

  test('a thousand concurrent requests with live and dead IDs each get their own response', async () => {
    const dead = await Promise.all(
      Array.from({ length: 50 }, () => site.app.sessions.createSession({ userId: 'ada' })),
    );
    await site.app.sessions.invalidateAllUserSessions('ada');
    const living = await Promise.all(
      Array.from({ length: 20 }, () => site.app.sessions.createSession({ userId: 'grace' })),
    );
    const requests = Array.from({ length: 1_000 }, (_, i) => {
      const session = i % 50 === 7 ? living[(i - 7) / 50]! : dead[i % 50]!;
      return ask(site.app, 'GET /account', bearer(session.id)).then((answer) => ({
        ...answer,
        expected: session.userId === 'grace' ? 200 : 401,
        handle: session.handle,
      }));
    });
    for (const { status, expected, body, handle } of await Promise.all(requests)) {
      expect(status).toBe(expected);
      if (status === 200) {
        expect(body).toMatchObject({ user: { id: 'grace' }, session: { handle } });
      }
    }
  });
});
