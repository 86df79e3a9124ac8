import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';

import { SessionModule, SessionService, type SessionModuleOptions } from '../../../src/index.js';
import { DAY, HOUR, MINUTE, openApplication, type Application } from '../../support/application.js';
import { letTimePassFor } from '../../support/move-time.js';
import { singleRedis, type RedisUnderTest } from '../../support/redis-under-test.js';

describe.each([
  { policy: 'aal1', maxLifetime: 30 * DAY, lifetime: 12 * HOUR, idleTimeout: 0 },
  { policy: 'aal2', maxLifetime: 24 * HOUR, lifetime: 12 * HOUR, idleTimeout: HOUR },
  { policy: 'aal3', maxLifetime: 12 * HOUR, lifetime: 12 * HOUR, idleTimeout: 15 * MINUTE },
] as const)('the policy $policy of NIST SP 800-63B-4', (limits) => {
  const { policy, maxLifetime, lifetime, idleTimeout } = limits;
  let redis: RedisUnderTest;
  let nest: INestApplicationContext;
  let sessions: SessionService;
  let clock: Application;

  const start = async (more: Partial<SessionModuleOptions> = {}) => {
    const options = { redis: redis.connection, prefix: policy, audit: { worker: false }, policy };
    const module = SessionModule.forRoot({ ...options, ...more });
    return NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  };
  beforeAll(async () => {
    redis = await singleRedis();
    nest = await start();
    sessions = nest.get<SessionService>(SessionService);
    clock = openApplication(redis, { prefix: policy });
  });
  afterAll(async () => {
    await nest.close();
    await clock.close();
    await redis.stop();
  });

  test('caps the overall lifetime', async () => {
    const session = await sessions.createSession({ userId: 'ada', expires: maxLifetime });
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(maxLifetime);
    await expect(
      sessions.createSession({ userId: 'ada', expires: maxLifetime + MINUTE }),
    ).rejects.toMatchObject({ code: 'ERR_SESSION_EXPIRES' });
  });

  test('gives a lifetime where none is asked for', async () => {
    const session = await sessions.createSession({ userId: 'ada' });
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(lifetime);
  });

  test('ends a session that is not used', async () => {
    const { id } = await sessions.createSession({ userId: 'idle', expires: maxLifetime });
    await letTimePassFor(clock, 'idle', (idleTimeout || maxLifetime) - MINUTE);
    expect(await sessions.validateSession(id)).not.toBeNull();
    await letTimePassFor(clock, 'idle', (idleTimeout || 0) + 2 * MINUTE);
    expect(await sessions.validateSession(id)).toBeNull();
  });

  test('ends a session at its overall limit, however much it is used', async () => {
    const { id } = await sessions.createSession({ userId: 'busy', expires: maxLifetime });
    const steps = 60;
    const step = Math.ceil(maxLifetime / steps);
    for (let i = 1; i < steps; i += 1) {
      await letTimePassFor(clock, 'busy', step);
      expect(await sessions.validateSession(id)).not.toBeNull();
    }
    await letTimePassFor(clock, 'busy', step);
    expect(await sessions.validateSession(id)).toBeNull();
  });

  test('gives way to explicit options', async () => {
    const other = await start({ maxLifetime: '2h', idleTimeout: '5m', prefix: `${policy}-mine` });
    const created = other.get(SessionService).createSession({ userId: 'ada', expires: 3 * HOUR });
    await expect(created).rejects.toMatchObject({ code: 'ERR_SESSION_EXPIRES' });
    await other.close();
  });
});
