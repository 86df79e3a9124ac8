import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { afterEach, beforeAll, afterAll, describe, expect, test } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { describeOnRedis } from '../../support/use-contract.js';
import { gatewaysOf, type SocketKind } from './gateways.js';
import { openSocket, rejectionOf, statusOf, type Client } from './socket-client.js';
import { useWebApplication } from './use-web-application.js';
import { bearer, signIn, type WebApplication } from './web-application.js';

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
    other = await site.startAnother();
  });

  const clients: Client[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  const open = async (gateway: string, credentials = {}, app: WebApplication = site.app) => {
    const client = await openSocket(kind, app.url, gateway, credentials);
    clients.push(client);
    return client;
  };
  const openRejected = (gateway: string, credentials = {}) =>
    rejectionOf(openSocket(kind, site.app.url, gateway, credentials));
  const sessionOf = (userId: string) => site.app.sessions.createSession({ userId });

  /** The reason that the client receives when its session ends. */
  const SESSION_ENDED = kind === 'ws' ? '4401 ERR_SESSION_REQUIRED' : 'io server disconnect';

  describe('a handshake', () => {
    test('a handshake without a session is rejected', async () => {
      const rejection = await openRejected('chat');
      expect(rejection).toMatchObject({ code: 'ERR_SESSION_REQUIRED' });
      if (kind === 'ws') {
        expect(rejection.status).toBe(401);
        expect(rejection.headers).toMatchObject({
          'www-authenticate': 'Bearer',
          'content-type': 'application/json',
        });
      }
    });

    test('a handshake with an unknown session ID is rejected', async () => {
      const headers = bearer(`sid_00${'A'.repeat(43)}`);
      expect(await openRejected('chat', { headers })).toMatchObject({
        code: 'ERR_SESSION_REQUIRED',
      });
    });

    test('a handshake with an expired session is rejected', async () => {
      const { id } = await site.app.sessions.createSession({ userId: 'ada', expires: MINUTE });
      await site.letTimePass('ada', 2 * MINUTE);
      const rejection = await openRejected('chat', { headers: bearer(id) });
      expect(rejection).toMatchObject({ code: 'ERR_SESSION_REQUIRED' });
    });

    test('a handshake with a session of another module is rejected', async () => {
      const customer = await sessionOf('ada');
      const staff = await site.app.staffSessions.createSession({ userId: 'ada' });
      expect(await openRejected('staff', { headers: bearer(customer.id) })).toMatchObject({
        code: 'ERR_SESSION_REQUIRED',
      });
      expect(await openRejected('chat', { headers: bearer(staff.id) })).toMatchObject({
        code: 'ERR_SESSION_REQUIRED',
      });
      const client = await open('staff', { headers: bearer(staff.id) });
      expect(await client.ask('who am i')).toBe('ada of 1');
    });

    test.each<[string, Record<string, string>]>([
      ['another origin', { origin: 'https://evil.example' }],
      ['another site', { 'sec-fetch-site': 'cross-site' }],
    ])('a handshake from a page of %s cannot use the cookie', async (_, headers) => {
      const cookie = await signIn(site.app);
      const rejection = await openRejected('chat', { headers: { cookie, ...headers } });
      expect(rejection).toMatchObject({ code: 'ERR_SESSION_CROSS_SITE' });
      if (kind === 'ws') expect(rejection.status).toBe(403);
    });

    test('a handshake from a page of the same origin can use the cookie', async () => {
      const cookie = await signIn(site.app);
      const client = await open('chat', { headers: { cookie, origin: site.app.url } });
      expect(await client.ask('who am i')).toBe('Ada');
    });

    test('a handshake with a bearer token is accepted from any origin', async () => {
      const { id } = await sessionOf('grace');
      const headers = { ...bearer(id), origin: 'https://elsewhere.example' };
      expect(await (await open('chat', { headers })).ask('who am i')).toBe('Grace');
    });

    test('a gateway that extends a guarded one also rejects handshakes without a session', async () => {
      expect(await openRejected('derived')).toMatchObject({ code: 'ERR_SESSION_REQUIRED' });
    });

    if (kind === 'ws') {
      test.each([
        ['yes', 101],
        ['no', 401],
        ['broken', 401],
      ])("the application's own synchronous check answers %s with %d", async (allowed, status) => {
        const headers = { ...bearer((await sessionOf('ada')).id), 'x-allowed': allowed };
        expect(await statusOf(site.app.url, 'checked', headers)).toBe(status);
        expect(await statusOf(site.app.url, 'checked', { 'x-allowed': allowed })).toBe(401);
      });
    }

    if (kind === 'Socket.IO') {
      test("a handshake with a token in Socket.IO's auth payload is accepted", async () => {
        const { id } = await sessionOf('ada');
        expect(await (await open('chat', { token: id })).ask('who am i')).toBe('Ada');
      });
    }
  });

  describe('a message', () => {
    test('an open gateway rejects only messages that require a session', async () => {
      const client = await open('help');
      expect(await client.ask('who am i')).toEqual({
        status: 'error',
        code: 'ERR_SESSION_REQUIRED',
        message: 'No valid session. Sign in first.',
      });
      expect(await client.ask('ask')).toBe('help');
    });

    test('a message on an open gateway uses the session of its handshake', async () => {
      const cookie = await signIn(site.app, 'grace');
      const client = await open('help', { headers: { cookie } });
      expect(await client.ask('who am i')).toBe('Grace');
    });

    test('a message that requires a fresh sign-in is rejected if the sign-in is too old', async () => {
      const { id } = await sessionOf('ada');
      const client = await open('chat', { headers: bearer(id) });
      expect(await client.ask('change password')).toBe('changed');
      await site.letTimePass('ada', 11 * MINUTE);
      expect(await client.ask('change password')).toMatchObject({
        code: 'ERR_SESSION_NOT_FRESH',
      });
      expect(await client.ask('who am i')).toBe('Ada');
    });

    test('a message sent after the session was revoked is rejected and closes the socket', async () => {
      const { id } = await sessionOf('ada');
      const client = await open('chat', { headers: bearer(id) });
      await site.app.sessions.destroySession(id);
      client.send('who am i');
      expect(await client.closed).toBe(SESSION_ENDED);
      expect(client.received.filter(({ event }) => event === 'answer')).toEqual([]);
    });
  });

  describe('a socket', () => {
    test('a socket is closed within a second in every process when its session is revoked', async () => {
      const { id, handle } = await sessionOf('ada');
      const unaffected = await open('chat', { headers: bearer((await sessionOf('ada')).id) });
      const here = await open('chat', { headers: bearer(id) });
      const there = await open('chat', { headers: bearer(id) }, other);
      const ended = performance.now();
      await site.app.sessions.destroySessionByHandle(handle);
      expect(await Promise.all([here.closed, there.closed])).toEqual([
        SESSION_ENDED,
        SESSION_ENDED,
      ]);
      expect(performance.now() - ended).toBeLessThan(1_000);
      expect(await unaffected.ask('who am i')).toBe('Ada');
    });

    test('a socket is closed within a second when its session expires', async () => {
      const { id } = await site.app.sessions.createSession({
        userId: 'grace',
        expires: 30 * MINUTE,
      });
      const client = await open('chat', { headers: bearer(id) });
      await site.letTimePass('grace', 31 * MINUTE);
      const expired = performance.now();
      expect(await client.closed).toBe(SESSION_ENDED);
      expect(performance.now() - expired).toBeLessThan(1_000);
    });

    test('a socket on an open gateway is also closed if a message used its session', async () => {
      const { id } = await sessionOf('ada');
      const client = await open('help', { headers: bearer(id) });
      await client.ask('who am i');
      await site.app.sessions.destroySession(id);
      expect(await client.closed).toBe(SESSION_ENDED);
    });

    test('a socket receives nothing after its session has ended', async () => {
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

  describeOnRedis('while Redis is unavailable', () => {
    afterEach(async () => {
      site.redis.servers[0]!.resume();
      await eventually(() => sessionOf('ada'));
    });

    test('handshakes and messages are rejected, and open sockets stay open', async () => {
      const { id } = await sessionOf('ada');
      const client = await open('chat', { headers: bearer(id) });
      site.redis.servers[0]!.pause();
      const rejection = await openRejected('chat', { headers: bearer(id) });
      expect(rejection).toMatchObject({ code: 'ERR_SESSION_REDIS_UNAVAILABLE' });
      if (kind === 'ws')
        expect(rejection).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
      expect(await client.ask('who am i')).toMatchObject({
        code: 'ERR_SESSION_REDIS_UNAVAILABLE',
      });
      site.redis.servers[0]!.resume();
      await eventually(async () => expect(await client.ask('who am i')).toBe('Ada'));
    });

    test('sockets are closed once Redis has been unavailable for ten seconds', async () => {
      const client = await open('chat', { headers: bearer((await sessionOf('ada')).id) });
      const paused = performance.now();
      site.redis.servers[0]!.pause();
      expect(await client.closed).toBe(
        kind === 'ws' ? '4503 ERR_SESSION_REDIS_UNAVAILABLE' : 'io server disconnect',
      );
      const stayed = performance.now() - paused;
      expect(stayed).toBeGreaterThan(9_000);
      expect(stayed).toBeLessThan(20_000);
    });
  });
});
