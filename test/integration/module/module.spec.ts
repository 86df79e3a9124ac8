import { Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import { afterEach, describe, expect, test } from '@jest/globals';

import {
  getSessionAuditToken,
  getSessionServiceToken,
  ledgerDataSourceOptions,
  SessionAudit,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
} from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useServers } from '../../support/use-servers.js';

describe('SessionModule', () => {
  const servers = useServers({ postgres: true });

  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((application) => application.close()));
  });

  const start = async (imports: DynamicModule[], providers: NonNullable<unknown>[] = []) => {
    const root = { module: class AppModule {}, imports, providers: providers as never[] };
    const options = { logger: false, abortOnError: false } as const;
    const application = await NestFactory.createApplicationContext(root, options);
    opened.push(application);
    return application;
  };
  /** Options of a web process: no database, no jobs. */
  const web = (more: Partial<SessionModuleOptions> = {}): SessionModuleOptions => ({
    redis: servers.redis.servers[0]!.url,
    audit: { worker: false },
    ...more,
  });

  test('one import with two URLs provides sessions that are recorded in the ledger', async () => {
    const database = await servers.postgres.createDatabase('one_import');
    const application = await start([
      SessionModule.forRoot({
        redis: servers.redis.servers[0]!.url,
        database,
        prefix: 'one-import',
        audit: { migrate: true },
      }),
    ]);
    const sessions = application.get<SessionService>(SessionService);
    const { id, handle } = await sessions.createSession({ userId: 'ada' });
    expect(await sessions.validateSession(id)).toEqual({ id: 'ada' });
    await sessions.destroySession(id);
    const audit = application.get(SessionAudit);
    await audit.flush();
    expect(JSON.stringify(await audit.history('ada'))).toContain(handle);
  });

  test('forRootAsync accepts an async factory with injected providers', async () => {
    @Injectable()
    class Settings {
      redisUrl = Promise.resolve(servers.redis.servers[0]!.url);
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    const application = await start([
      SessionModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: async (settings: Settings) => web({ redis: await settings.redisUrl }),
      }),
    ]);
    const { id } = await application.get(SessionService).createSession({ userId: 'ada' });
    expect(await application.get(SessionService).validateSession(id)).not.toBeNull();
  });

  test('the module is global, unless `isGlobal` is false', async () => {
    const BILLING = Symbol('billing');
    class BillingModule {}
    const billing = {
      module: BillingModule,
      providers: [
        {
          provide: BILLING,
          inject: [{ token: SessionService, optional: true }],
          useFactory: (sessions?: SessionService) => ({ sessions }),
        },
      ],
    };
    const seen = await start([SessionModule.forRoot(web()), billing]);
    expect(seen.get(BILLING)).toEqual({ sessions: expect.any(SessionService) });
    const hidden = SessionModule.forRoot({ ...web(), isGlobal: false });
    const unseen = await start([hidden, billing]);
    expect(unseen.get(BILLING)).toEqual({ sessions: undefined });
    const imported = await start([{ ...billing, imports: [hidden] }]);
    expect(imported.get(BILLING)).toEqual({ sessions: expect.any(SessionService) });
  });

  test('a live Redis client and a live DataSource stay open after shutdown', async () => {
    const client = new Redis(servers.redis.servers[0]!.url);
    const url = await servers.postgres.createDatabase('live');
    const database = await new DataSource(ledgerDataSourceOptions(url)).initialize();
    const application = await start([
      SessionModule.forRoot({
        redis: client,
        database,
        prefix: 'live',
        audit: { migrate: true },
      }),
    ]);
    await application.get(SessionService).createSession({ userId: 'ada' });
    await application.close();
    expect(await client.ping()).toBe('PONG');
    expect(await database.query('SELECT count(*)::int AS sessions FROM sessions')).toEqual([
      { sessions: 1 },
    ]);
    client.disconnect();
    await database.destroy();
  });

  test('the module closes the connections that it opened', async () => {
    const clients = async () => (await servers.redis.nodes[0]!.client('LIST')) as string;
    const before = (await clients()).split('\n').length;
    const application = await start([SessionModule.forRoot(web())]);
    await application.get(SessionService).createSession({ userId: 'ada' });
    expect((await clients()).split('\n').length).toBeGreaterThan(before);
    await application.close();
    await eventually(async () => expect((await clients()).split('\n').length).toBe(before));
  });

  test('two modules in one application have separate services, sessions and limits', async () => {
    @Injectable()
    class Office {
      constructor(
        readonly customers: SessionService,
        @Inject(getSessionServiceToken('staff')) readonly staff: SessionService,
        @Inject(getSessionAuditToken('staff')) readonly audit: SessionAudit,
      ) {}
    }
    const application = await start(
      [
        SessionModule.forRoot(web({ lifetime: '7d' })),
        SessionModule.forRoot({ ...web({ policy: 'aal3' }), name: 'staff' }),
      ],
      [Office],
    );
    const { customers, staff, audit } = application.get(Office);
    expect(application.get(SessionService)).toBe(customers);
    expect(staff).not.toBe(customers);
    expect(audit).toBeInstanceOf(SessionAudit);
    const customer = await customers.createSession({ userId: 'ada' });
    const employee = await staff.createSession({ userId: 'ada' });
    expect(await staff.validateSession(customer.id)).toBeNull();
    expect(await customers.validateSession(employee.id)).toBeNull();
    await staff.invalidateAllUserSessions('ada');
    expect(await customers.validateSession(customer.id)).not.toBeNull();
  });

  describe('startup errors', () => {
    test.each<[Partial<Record<keyof SessionModuleOptions, unknown>>, RegExp]>([
      [{ redis: undefined }, /option `redis` is undefined; give a URL/],
      [{ audit: {} }, /option `database` is undefined; give a URL/],
      [{ lifetime: '40d' }, /option `lifetime` is "40d"; use milliseconds from 1 to 2592000000/],
      [{ maxLifetime: 'soon' }, /option `maxLifetime` is "soon"; use milliseconds/],
      [{ idleTimeout: -1 }, /option `idleTimeout` is -1/],
      [{ policy: 'aal4' }, /option `policy` is aal4|option `policy` is "aal4"; use 'aal1'/],
      [{ maxSessionsPerUser: 1.5 }, /option `maxSessionsPerUser` is 1.5; use a whole number/],
      [{ overflow: 'drop' }, /option `overflow` is "drop"; use 'evict-oldest' or 'reject'/],
      [{ prefix: '{a}' }, /option `prefix` is "{a}"; use 1 to 64 characters without braces/],
      [{ buckets: 0 }, /option `buckets` is 0; use a whole number from 1 to 256/],
      [{ cookie: { name: '__Host-s', secure: false } }, /option `cookie.name` is "__Host-s"/],
      [{ redisTimeout: '10s' }, /option `redisTimeout` is "10s"/],
    ])(
      'invalid option %j is rejected with its value and the valid ones',
      async (invalid, message) => {
        const options = { ...web(), ...invalid } as SessionModuleOptions;
        await expect(start([SessionModule.forRoot(options)])).rejects.toThrow(message);
      },
    );

    test('the application does not start if Redis may evict sessions', async () => {
      const evicting = await singleRedis({ 'maxmemory-policy': 'allkeys-lru' });
      const options = web({ redis: evicting.servers[0]!.url });
      await expect(start([SessionModule.forRoot(options)])).rejects.toThrow(
        /maxmemory-policy is allkeys-lru.*Set it to noeviction/s,
      );
      await evicting.stop();
    });

    test('the application does not start if Redis is unreachable', async () => {
      const options = web({ redis: 'redis://127.0.0.1:1' });
      await expect(start([SessionModule.forRoot(options)])).rejects.toMatchObject({
        code: 'ERR_SESSION_REDIS_UNAVAILABLE',
        message: expect.stringMatching(
          /ECONNREFUSED 127\.0\.0\.1:1\. Start it, or set .*REDIS_URL/,
        ),
      });
    });
  });
});
