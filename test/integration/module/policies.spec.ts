import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { SessionModuleOptions, SessionService } from '../../../src/index.js';
import { SessionTestingLedger } from '../../../src/testing/index.js';
import { DAY, HOUR, MINUTE } from '../../support/durations.js';
import { letTimePassFor } from '../../support/move-time.js';
import { startNestProcess, type NestProcess } from '../../support/nest-application.js';
import { inMemory } from '../../support/use-contract.js';
import { useServers } from '../../support/use-servers.js';

describe.each([
  { policy: 'aal1', maxLifetime: 30 * DAY, lifetime: 12 * HOUR, idleTimeout: 0 },
  { policy: 'aal2', maxLifetime: 24 * HOUR, lifetime: 12 * HOUR, idleTimeout: HOUR },
  { policy: 'aal3', maxLifetime: 12 * HOUR, lifetime: 12 * HOUR, idleTimeout: 15 * MINUTE },
] as const)('the policy $policy of NIST SP 800-63B-4', (limits) => {
  const { policy, maxLifetime, lifetime, idleTimeout } = limits;
  const servers = inMemory ? null : useServers();
  let app: NestProcess;
  let sessions: SessionService;

  const start = (more: Partial<SessionModuleOptions> = {}) => {
    const redis = servers?.redis.connection ?? 'in memory';
    return startNestProcess({ redis, prefix: policy, audit: { worker: false }, policy, ...more });
  };
  beforeAll(async () => {
    app = await start();
    sessions = app.sessions;
  });
  if (servers) servers.beforeStop(() => app?.close());
  else afterAll(() => app?.close());

  const letTimePass = async (userId: string, ms: number) => {
    if (inMemory) SessionTestingLedger.of(app.nest).letTimePass(ms);
    else await letTimePassFor(app, userId, ms);
  };

  test('a policy limits the lifetime that can be asked for', async () => {
    const session = await sessions.createSession({ userId: 'ada', expires: maxLifetime });
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(maxLifetime);
    await expect(
      sessions.createSession({ userId: 'ada', expires: maxLifetime + MINUTE }),
    ).rejects.toMatchObject({ code: 'ERR_SESSION_EXPIRES' });
  });

  test('a policy sets the default lifetime', async () => {
    const session = await sessions.createSession({ userId: 'ada' });
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(lifetime);
  });

  test('a session that is not used ends after the idle timeout of the policy', async () => {
    const { id } = await sessions.createSession({ userId: 'idle', expires: maxLifetime });
    await letTimePass('idle', (idleTimeout || maxLifetime) - MINUTE);
    expect(await sessions.validateSession(id)).not.toBeNull();
    await letTimePass('idle', (idleTimeout || 0) + 2 * MINUTE);
    expect(await sessions.validateSession(id)).toBeNull();
  });

  test('a session in constant use ends at the maximum lifetime of the policy', async () => {
    const { id } = await sessions.createSession({ userId: 'busy', expires: maxLifetime });
    const steps = 60;
    const step = Math.ceil(maxLifetime / steps);
    for (let i = 1; i < steps; i += 1) {
      await letTimePass('busy', step);
      expect(await sessions.validateSession(id)).not.toBeNull();
    }
    await letTimePass('busy', step);
    expect(await sessions.validateSession(id)).toBeNull();
  });

  test('explicit options override the policy', async () => {
    const other = await start({ maxLifetime: '2h', idleTimeout: '5m', prefix: `${policy}-mine` });
    const created = other.sessions.createSession({ userId: 'ada', expires: 3 * HOUR });
    await expect(created).rejects.toMatchObject({ code: 'ERR_SESSION_EXPIRES' });
    await other.close();
  });
});
