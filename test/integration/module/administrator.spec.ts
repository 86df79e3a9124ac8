import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';

import { startPostgres, type PrivatePostgres } from '../../../dev/index.js';
import { SessionAudit, SessionModule, SessionService } from '../../../src/index.js';
import { singleRedis, type RedisUnderTest } from '../../support/redis-under-test.js';

describe('in an emergency', () => {
  let redis: RedisUnderTest;
  let postgres: PrivatePostgres;
  let nest: INestApplicationContext;
  beforeAll(async () => {
    [redis, postgres] = await Promise.all([singleRedis(), startPostgres()]);
    const options = { redis: redis.connection, database: postgres.url, audit: { migrate: true } };
    nest = await NestFactory.createApplicationContext(SessionModule.forRoot(options), {
      logger: false,
      abortOnError: false,
    });
  });
  afterAll(async () => {
    await nest.close();
    await Promise.all([redis.stop(), postgres.stop()]);
  });

  test('an administrator ends the sessions of everybody', async () => {
    const sessions = nest.get<SessionService>(SessionService);
    const audit = nest.get(SessionAudit);
    const users = Array.from({ length: 25 }, (_, i) => `user ${i}`);
    const begun = await Promise.all(users.map((userId) => sessions.createSession({ userId })));
    await audit.flush();

    // The ledger knows who is signed in; a session that begins meanwhile is not meant.
    const now = new Date(Math.max(...begun.map(({ createdAt }) => createdAt.getTime())));
    let after: string | undefined;
    do {
      const page = await audit.activeAt(now, { limit: 10, after });
      for (const { handle } of page.sessions) {
        await sessions.destroySessionByHandle(handle, { reason: 'emergency', actor: 'admin' });
      }
      after = page.next ?? undefined;
    } while (after !== undefined);

    const valid = await Promise.all(begun.map(({ id }) => sessions.validateSession(id)));
    expect(valid).toEqual(begun.map(() => null));
    await audit.flush();
    const { sessions: history } = await audit.history('user 7');
    expect(history).toMatchObject([{ endReason: 'emergency', endedBy: 'admin' }]);
  });
});
