import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';

import { eventually } from '../../support/eventually.js';
import { MemberResolver, StaffResolver } from './graphql-members.js';
import { useWebApplication } from './use-web-application.js';
import { ask, bearer, signIn } from './web-application.js';

const MINUTE = 60_000;

interface Result {
  data: Record<string, unknown> | null;
  errors?: { message: string; extensions: { code?: string } }[];
}

describe('GraphQL', () => {
  const site = useWebApplication('Fastify', {
    module: {
      imports: [
        GraphQLModule.forRoot<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          autoSchemaFile: true,
          subscription: true,
        }),
      ],
      providers: [MemberResolver, StaffResolver],
    },
  });
  const run = async (query: string, headers: Record<string, string> = {}): Promise<Result> =>
    (await ask(site.app, 'POST /graphql', headers, { query })).body;
  const codesOf = ({ errors = [] }: Result) => errors.map(({ extensions }) => extensions?.code);
  const tokenOf = async (userId: string) =>
    bearer((await site.app.sessions.createSession({ userId })).id);

  test('resolvers receive the user and the session, by cookie and by bearer token', async () => {
    for (const headers of [{ cookie: await signIn(site.app) }, await tokenOf('ada')]) {
      const { data } = await run('{ me { id name handle } }', headers);
      expect(data).toMatchObject({ me: { id: 'ada', name: 'Ada' } });
    }
  });

  test('resolvers of one request share one session lookup', async () => {
    const headers = await tokenOf('ada');
    const lookup = jest.spyOn(site.app.sessions, 'findValidSession');
    const { data, errors } = await run(
      '{ a: me { name } b: me { name } c: me { handle } }',
      headers,
    );
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ a: { name: 'Ada' }, b: { name: 'Ada' } });
    expect(lookup).toHaveBeenCalledTimes(1);
    lookup.mockRestore();
  });

  test('without a session, only the fields that require one fail', async () => {
    const result = await run('{ me { id } }');
    expect(result.data).toBeNull();
    expect(result.errors).toMatchObject([
      { message: 'No valid session. Sign in first.', extensions: { code: 'ERR_SESSION_REQUIRED' } },
    ]);
    expect(await run('{ help }')).toEqual({ data: { help: 'help' } });
  });

  test('unknown, expired and revoked sessions are rejected', async () => {
    expect(codesOf(await run('{ me { id } }', bearer('wrong')))).toEqual(['ERR_SESSION_REQUIRED']);
    const brief = await site.app.sessions.createSession({ userId: 'ada', expires: 30 * MINUTE });
    await site.letTimePass('ada', 31 * MINUTE);
    const expired = await run('{ me { id } }', bearer(brief.id));
    expect(codesOf(expired)).toEqual(['ERR_SESSION_REQUIRED']);
    const { id } = await site.app.sessions.createSession({ userId: 'ada' });
    expect((await run('{ me { id } }', bearer(id))).errors).toBeUndefined();
    await site.app.sessions.destroySession(id);
    expect(codesOf(await run('{ me { id } }', bearer(id)))).toEqual(['ERR_SESSION_REQUIRED']);
  });

  test('cross-site requests are rejected, and over POST even queries', async () => {
    const headers = { cookie: await signIn(site.app), 'sec-fetch-site': 'cross-site' };
    expect(codesOf(await run('mutation { rename }', headers))).toEqual(['ERR_SESSION_CROSS_SITE']);
    expect(codesOf(await run('{ me { id } }', headers))).toEqual(['ERR_SESSION_CROSS_SITE']);
    const token = { ...(await tokenOf('ada')), 'sec-fetch-site': 'cross-site' };
    expect(await run('mutation { rename }', token)).toEqual({ data: { rename: true } });
  });

  test('a field can require a fresh sign-in', async () => {
    const headers = { cookie: await signIn(site.app) };
    const mutation = 'mutation { changePassword }';
    expect(await run(mutation, headers)).toEqual({ data: { changePassword: true } });
    await site.letTimePass('ada', 11 * MINUTE);
    expect(codesOf(await run(mutation, headers))).toEqual(['ERR_SESSION_NOT_FRESH']);
    expect(await run('mutation { rename }', headers)).toEqual({ data: { rename: true } });
  });

  test('one request can use the sessions of two modules', async () => {
    const customer = await signIn(site.app, 'ada');
    const { headers } = await ask(site.app, 'POST /staff-session', {}, { userId: 'boss' });
    const staff = headers.getSetCookie()[0]!.split(';')[0]!;
    const both = await run('{ me { id } staff }', { cookie: `${customer}; ${staff}` });
    expect(both).toEqual({ data: { me: { id: 'ada' }, staff: 'boss' } });
    const one = await run('{ staff }', { cookie: customer });
    expect(codesOf(one)).toEqual(['ERR_SESSION_REQUIRED']);
  });

  describe('a subscription', () => {
    const sockets: WebSocket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.terminate();
    });

    /** Subscribes and collects all messages. */
    const subscribe = async (headers: Record<string, string>) => {
      const url = `${site.app.url.replace('http', 'ws')}/graphql`;
      const socket = new WebSocket(url, 'graphql-transport-ws', { headers });
      sockets.push(socket);
      const received: { type: string; payload?: Result }[] = [];
      socket.on('message', (text) => received.push(JSON.parse(String(text))));
      socket.on('open', () => {
        socket.send('{"type":"connection_init"}');
        socket.send('{"id":"1","type":"subscribe","payload":{"query":"subscription { news }"}}');
      });
      const closed = new Promise((resolve) => socket.on('close', resolve));
      return { received, closed };
    };

    test('a subscription ends within a second of its session', async () => {
      const { id } = await site.app.sessions.createSession({ userId: 'ada' });
      const { received, closed } = await subscribe(bearer(id));
      await eventually(async () => expect(JSON.stringify(received)).toContain('{"news":0}'));
      const ended = performance.now();
      await site.app.sessions.destroySession(id);
      await closed;
      expect(performance.now() - ended).toBeLessThan(1_000);
    });

    test.each<[string, string, () => Promise<Record<string, string>>]>([
      ['without a session', 'ERR_SESSION_REQUIRED', async () => ({})],
      [
        'with a cookie from a page of another site',
        'ERR_SESSION_CROSS_SITE',
        async () => ({ cookie: await signIn(site.app), origin: 'https://evil.example' }),
      ],
    ])('a subscription %s receives only the reason', async (_, code, headers) => {
      const { received } = await subscribe(await headers());
      await eventually(async () => expect(JSON.stringify(received)).toContain(code));
      expect(JSON.stringify(received)).not.toContain('"news":0');
    });
  });

  test('while Redis is unavailable, fields that require a session report it', async () => {
    const headers = await tokenOf('ada');
    site.redis.servers[0]!.pause();
    try {
      expect(codesOf(await run('{ me { id } }', headers))).toEqual([
        'ERR_SESSION_REDIS_UNAVAILABLE',
      ]);
      expect(await run('{ help }')).toEqual({ data: { help: 'help' } });
    } finally {
      site.redis.servers[0]!.resume();
    }
    await eventually(async () =>
      expect((await run('{ me { id } }', headers)).errors).toBe(undefined),
    );
  });
});
