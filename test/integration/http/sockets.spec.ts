import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { afterEach, beforeAll, afterAll, describe, expect, test } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { gatewaysOf, type SocketKind } from './gateways.js';
import { openSocket, refusalOf, type Client } from './socket-client.js';
import { useWebApplication } from './use-web-application.js';
import { bearer, signIn, startWebApplication, type WebApplication } from './web-application.js';

const MINUTE = 60_000;

describe.each<SocketKind>(['Socket.IO', 'ws'])('gateways over %s', (kind) => {
  const more = {
    module: { providers: gatewaysOf(kind) },
    prepare: (nest: WebApplication['nest']) =>
      nest.useWebSocketAdapter(kind === 'ws' ? new WsAdapter(nest) : new IoAdapter(nest)),
  };
  let other: WebApplication;
  afterAll(() => other?.close());
  const site = useWebApplication('Express', more);
  beforeAll(async () => {
    other = await startWebApplication('Express', site.ground.redis, more);
  });

  const clients: Client[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  const open = async (place: string, credentials = {}, app: WebApplication = site.app) => {
    const client = await openSocket(kind, app.url, place, credentials);
    clients.push(client);
    return client;
  };
  const refused = (place: string, credentials = {}) =>
    refusalOf(openSocket(kind, site.app.url, place, credentials));
  const sessionOf = (userId: string) => site.app.sessions.createSession({ userId });

  /** What the client sees when the server closes its socket for the session's end. */
  const SESSION_OVER = kind === 'ws' ? '4401 ERR_SESSION_REQUIRED' : 'io server disconnect';

  describe('a handshake', () => {
    test('without a session is refused', async () => {
      const refusal = await refused('chat');
      expect(refusal).toMatchObject({ code: 'ERR_SESSION_REQUIRED' });
      if (kind === 'ws') {
        expect(refusal.status).toBe(401);
        expect(refusal.headers).toMatchObject({
          'www-authenticate': 'Bearer',
          'content-type': 'application/json',
        });
      }
    });

    test('with a wrong session ID is refused', async () => {
      const headers = bearer(`00${'A'.repeat(43)}`);
      expect(await refused('chat', { headers })).toMatchObject({ code: 'ERR_SESSION_REQUIRED' });
    });

    test('with an expired session is refused', async () => {
      const { id } = await site.app.sessions.createSession({ userId: 'ada', expires: MINUTE });
      await site.letTimePass('ada', 2 * MINUTE);
      const refusal = await refused('chat', { headers: bearer(id) });
      expect(refusal).toMatchObject({ code: 'ERR_SESSION_REQUIRED' });
    });

    test('with a session of another module is refused', async () => {
      const customer = await sessionOf('ada');
      const staff = await site.app.staffSessions.createSession({ userId: 'ada' });
      expect(await refused('staff', { headers: bearer(customer.id) })).toMatchObject({
        code: 'ERR_SESSION_REQUIRED',
      });
      expect(await refused('chat', { headers: bearer(staff.id) })).toMatchObject({
        code: 'ERR_SESSION_REQUIRED',
      });
      const client = await open('staff', { headers: bearer(staff.id) });
      expect(await client.ask('who am i')).toBe('ada of 1');
    });

    test.each<[string, Record<string, string>]>([
      ['another origin', { origin: 'https://evil.example' }],
      ['another site', { 'sec-fetch-site': 'cross-site' }],
    ])("by a page of %s can't use the cookie (cross-site hijacking)", async (_, headers) => {
      const cookie = await signIn(site.app);
      const refusal = await refused('chat', { headers: { cookie, ...headers } });
      expect(refusal).toMatchObject({ code: 'ERR_SESSION_CROSS_SITE' });
      if (kind === 'ws') expect(refusal.status).toBe(403);
    });

    test('by a page of our own origin uses the cookie', async () => {
      const cookie = await signIn(site.app);
      const client = await open('chat', { headers: { cookie, origin: site.app.url } });
      expect(await client.ask('who am i')).toBe('Ada');
    });

    test('with a bearer token comes from anywhere', async () => {
      const { id } = await sessionOf('grace');
      const headers = { ...bearer(id), origin: 'https://elsewhere.example' };
      expect(await (await open('chat', { headers })).ask('who am i')).toBe('Grace');
    });

    test('to a gateway that extends a guarded one is refused too', async () => {
      expect(await refused('derived')).toMatchObject({ code: 'ERR_SESSION_REQUIRED' });
    });

    if (kind === 'Socket.IO') {
      test("with a token in Socket.IO's `auth` is accepted", async () => {
        const { id } = await sessionOf('ada');
        expect(await (await open('chat', { token: id })).ask('who am i')).toBe('Ada');
      });
    }
  });

  describe('a message', () => {
    test('that asks for a session is refused on an open gateway, and others are not', async () => {
      const client = await open('help');
      expect(await client.ask('who am i')).toEqual({
        status: 'error',
        code: 'ERR_SESSION_REQUIRED',
        message: 'No valid session. Sign in first.',
      });
      expect(await client.ask('ask')).toBe('help');
    });

    test('on an open gateway finds the session of its handshake', async () => {
      const cookie = await signIn(site.app, 'grace');
      const client = await open('help', { headers: { cookie } });
      expect(await client.ask('who am i')).toBe('Grace');
    });

    test('of a sign-in that is fresh is obeyed, of a stale one refused', async () => {
      const { id } = await sessionOf('ada');
      const client = await open('chat', { headers: bearer(id) });
      expect(await client.ask('change password')).toBe('changed');
      await site.letTimePass('ada', 11 * MINUTE);
      expect(await client.ask('change password')).toMatchObject({
        code: 'ERR_SESSION_NOT_FRESH',
      });
      expect(await client.ask('who am i')).toBe('Ada');
    });

    test('is refused at once when the session was revoked, and the socket closed', async () => {
      const { id } = await sessionOf('ada');
      const client = await open('chat', { headers: bearer(id) });
      await site.app.sessions.destroySession(id);
      client.send('who am i');
      expect(await client.closed).toBe(SESSION_OVER);
      expect(client.received.filter(({ event }) => event === 'answer')).toEqual([]);
    });
  });

  describe('a socket', () => {
    test('is closed within a second in every process when its session is revoked', async () => {
      const { id, handle } = await sessionOf('ada');
      const spared = await open('chat', { headers: bearer((await sessionOf('ada')).id) });
      const here = await open('chat', { headers: bearer(id) });
      const there = await open('chat', { headers: bearer(id) }, other);
      const ended = performance.now();
      await site.app.sessions.destroySessionByHandle(handle);
      expect(await Promise.all([here.closed, there.closed])).toEqual([SESSION_OVER, SESSION_OVER]);
      expect(performance.now() - ended).toBeLessThan(1_000);
      expect(await spared.ask('who am i')).toBe('Ada');
    });

    test('is closed within a second when its session expires', async () => {
      const { id } = await site.app.sessions.createSession({
        userId: 'grace',
        expires: 30 * MINUTE,
      });
      const client = await open('chat', { headers: bearer(id) });
      await site.letTimePass('grace', 31 * MINUTE);
      const expired = performance.now();
      expect(await client.closed).toBe(SESSION_OVER);
      expect(performance.now() - expired).toBeLessThan(1_000);
    });

    test('on an open gateway is closed, too, once it has used its session', async () => {
      const { id } = await sessionOf('ada');
      const client = await open('help', { headers: bearer(id) });
      await client.ask('who am i');
      await site.app.sessions.destroySession(id);
      expect(await client.closed).toBe(SESSION_OVER);
    });

    test('whose session is over hears nothing any more', async () => {
      const speaker = await open('chat', { headers: bearer((await sessionOf('ada')).id) });
      const { id } = await sessionOf('grace');
      const listener = await open('chat', { headers: bearer(id) });
      await site.app.sessions.destroySession(id);
      await listener.closed;
      speaker.send('say');
      await eventually(async () => expect(speaker.received).toHaveLength(1));
      expect(listener.received.filter(({ event }) => event === 'said')).toEqual([]);
    });
  });

  describe('while Redis is away', () => {
    afterEach(async () => {
      site.ground.redis.servers[0]!.resume();
      await eventually(() => sessionOf('ada'));
    });

    test('handshakes and messages are refused, and open sockets stay', async () => {
      const { id } = await sessionOf('ada');
      const client = await open('chat', { headers: bearer(id) });
      site.ground.redis.servers[0]!.pause();
      const refusal = await refused('chat', { headers: bearer(id) });
      expect(refusal).toMatchObject({ code: 'ERR_SESSION_REDIS_UNAVAILABLE' });
      if (kind === 'ws')
        expect(refusal).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
      expect(await client.ask('who am i')).toMatchObject({
        code: 'ERR_SESSION_REDIS_UNAVAILABLE',
      });
      site.ground.redis.servers[0]!.resume();
      await eventually(async () => expect(await client.ask('who am i')).toBe('Ada'));
    });

    test('for ten seconds, sockets are closed: nobody can tell whether they may listen', async () => {
      const client = await open('chat', { headers: bearer((await sessionOf('ada')).id) });
      const paused = performance.now();
      site.ground.redis.servers[0]!.pause();
      expect(await client.closed).toBe(
        kind === 'ws' ? '4503 ERR_SESSION_REDIS_UNAVAILABLE' : 'io server disconnect',
      );
      const stayed = performance.now() - paused;
      expect(stayed).toBeGreaterThan(9_000);
      expect(stayed).toBeLessThan(20_000);
    });
  });
});
