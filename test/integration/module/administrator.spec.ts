import { beforeAll, describe, expect, test } from '@jest/globals';

import { startNestProcess, type NestProcess } from '../../support/nest-application.js';
import { useServers } from '../../support/use-servers.js';

describe('an emergency', () => {
  const servers = useServers({ postgres: true });
  let app: NestProcess;
  beforeAll(async () => {
    const urls = { redis: servers.redis.connection, database: servers.postgres.url };
    app = await startNestProcess({ ...urls, audit: { migrate: true } });
  });
  servers.beforeStop(() => app?.close());

  test('an administrator can end the sessions of all users', async () => {
    const { sessions, audit } = app;
    const users = Array.from({ length: 25 }, (_, i) => `user ${i}`);
    const created = await Promise.all(users.map((userId) => sessions.createSession({ userId })));
    await audit.flush();

    // The ledger knows who was signed in by then; later sessions are not affected.
    const now = new Date(Math.max(...created.map(({ createdAt }) => createdAt.getTime())));
    let after: string | undefined;
    do {
      const page = await audit.activeAt(now, { limit: 10, after });
      for (const { handle } of page.sessions) {
        await sessions.destroySessionByHandle(handle, { reason: 'emergency', actor: 'admin' });
      }
      after = page.next ?? undefined;
    } while (after !== undefined);

    const valid = await Promise.all(created.map(({ id }) => sessions.validateSession(id)));
    expect(valid).toEqual(created.map(() => null));
    await audit.flush();
    const { sessions: history } = await audit.history('user 7');
    expect(history).toMatchObject([{ endReason: 'emergency', endedBy: 'admin' }]);
  });
});
