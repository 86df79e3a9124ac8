import { Injectable, Inject, Module } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { afterEach, describe, expect, test } from '@jest/globals';

import {
  getSessionServiceToken,
  SessionAudit,
  SessionCookie,
  SessionHealth,
  SessionModule,
  SessionService,
} from '../../../src/index.js';
import {
  SessionTestingLedger,
  SessionTestingModule,
  withSessionsInMemory,
  type SessionTestingOptions,
} from '../../../src/testing/index.js';

/** A service of an application, which knows nothing of its tests. */
@Injectable()
class Account {
  constructor(
    readonly sessions: SessionService<{ name: string }>,
    readonly cookie: SessionCookie,
    readonly audit: SessionAudit,
    readonly health: SessionHealth,
  ) {}
}

@Injectable()
class Office {
  constructor(@Inject(getSessionServiceToken('staff')) readonly staff: SessionService) {}
}

/** Fails at once if anything connects: nothing listens on port 1. */
const NOWHERE = { redis: 'redis://127.0.0.1:1', database: 'postgres://127.0.0.1:1/none' };

const users = { findById: async (id: string) => ({ name: id.toUpperCase() }) };

@Module({
  imports: [
    SessionModule.forRootAsync({
      useFactory: () => ({ ...NOWHERE, users, maxSessionsPerUser: 1, audit: { migrate: true } }),
    }),
    SessionModule.forRoot({ ...NOWHERE, name: 'staff', lifetime: '5m' }),
  ],
  providers: [Account, Office],
})
class AppModule {}

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((module) => module.close()));
});

const compile = async (builder: TestingModuleBuilder) => {
  const module = await builder.compile();
  opened.push(module);
  return module;
};

describe('SessionTestingModule', () => {
  test('a service that injects everything that SessionModule exports gets it in memory', async () => {
    const module = await compile(
      Test.createTestingModule({
        imports: [SessionTestingModule.forRoot({ users })],
        providers: [Account],
      }),
    );
    const { sessions, audit, health } = module.get(Account);
    const { id, handle } = await sessions.createSession({ userId: 'ada' });
    expect(await sessions.validateSession(id)).toEqual({ name: 'ADA' });
    expect(await audit.history('ada')).toMatchObject({ sessions: [{ handle }] });
    expect((await health.check()).sessions.status).toBe('up');
  });

  test('forRootAsync takes the options from a factory', async () => {
    const module = await compile(
      Test.createTestingModule({
        imports: [
          SessionTestingModule.forRootAsync({ useFactory: async () => ({ lifetime: '5m' }) }),
        ],
      }),
    );
    const session = await module.get(SessionService).createSession({ userId: 'ada' });
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(300_000);
  });

  test('modules with different names have separate sessions and ledgers', async () => {
    const module = await compile(
      Test.createTestingModule({
        imports: [SessionTestingModule.forRoot(), SessionTestingModule.forRoot({ name: 'staff' })],
        providers: [Office],
      }),
    );
    const { id } = await module.get(Office).staff.createSession({ userId: 'ada' });
    expect(await module.get(SessionService).validateSession(id)).toBeNull();
    expect(SessionTestingLedger.of(module).sessions).toEqual([]);
    expect(SessionTestingLedger.of(module, 'staff').sessions).toHaveLength(1);
  });

  test('each test that compiles a module starts without sessions', async () => {
    for (let run = 0; run < 2; run++) {
      const imports = [SessionTestingModule.forRoot()];
      const module = await compile(Test.createTestingModule({ imports }));
      expect(SessionTestingLedger.of(module).sessions).toEqual([]);
      await module.get(SessionService).createSession({ userId: 'ada' });
    }
  });

  test.each<[object, RegExp]>([
    [{ lifetime: '40d' }, /option `lifetime` is "40d"/],
    [{ maxSessionsPerUser: -1 }, /option `maxSessionsPerUser` is -1/],
    [{ cookie: { name: '__Host-s', secure: false } }, /option `cookie.name` is "__Host-s"/],
  ])('the invalid option %j is rejected, as by SessionModule', async (options, message) => {
    const imports = [SessionTestingModule.forRoot(options as SessionTestingOptions)];
    await expect(Test.createTestingModule({ imports }).compile()).rejects.toThrow(message);
  });

  test('user IDs are checked against userId.type, as by SessionModule', async () => {
    const imports = [SessionTestingModule.forRoot({ userId: { type: 'uuid' } })];
    const module = await compile(Test.createTestingModule({ imports }));
    await expect(module.get(SessionService).createSession({ userId: '7' })).rejects.toMatchObject({
      code: 'ERR_SESSION_INPUT',
    });
  });
});

describe('withSessionsInMemory', () => {
  const start = () =>
    compile(withSessionsInMemory(Test.createTestingModule({ imports: [AppModule] })));

  test('an application keeps its own options, and needs neither Redis nor Postgres', async () => {
    const module = await start();
    const { sessions } = module.get(Account);
    const evicted = await sessions.createSession({ userId: 'ada' });
    const { id } = await sessions.createSession({ userId: 'ada' });
    expect(await sessions.validateSession(id)).toEqual({ name: 'ADA' });
    expect(await sessions.validateSession(evicted.id)).toBeNull();
    expect(SessionTestingLedger.of(module).sessions).toMatchObject([
      { handle: evicted.handle, endReason: 'evicted' },
      { endReason: null },
    ]);
  });

  test('each session module of the application has its own sessions and ledger', async () => {
    const module = await start();
    const session = await module.get(Office).staff.createSession({ userId: 'bob' });
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(300_000);
    expect(SessionTestingLedger.of(module).sessions).toEqual([]);
    expect(SessionTestingLedger.of(module, 'staff').sessions).toHaveLength(1);
  });

  test('without it, the application looks for its servers', async () => {
    await expect(
      Test.createTestingModule({ imports: [AppModule] }).compile(),
    ).rejects.toMatchObject({ code: 'ERR_SESSION_REDIS_UNAVAILABLE' });
  });
});
