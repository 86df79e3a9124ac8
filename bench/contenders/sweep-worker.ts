import { forEachOf } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { PACE_SESSIONS, type Worker } from '../scenarios/sweep.js';
import { openApplication } from './application.js';

/** The users from this number on are not those of the validating process. */
const FIRST_USER = 1_000_000;

/** The process that runs the audit jobs. It also creates the sessions. */
export async function open(servers: ServerUrls): Promise<Worker> {
  const { sessions, audit } = await openApplication(servers, true, {
    redisTimeout: 5_000, // it creates sessions as fast as possible, and drains at the same time
  });
  let user = FIRST_USER;

  const create = (count: number, expires: Date) =>
    forEachOf(count, 64, async () => {
      user += 1;
      await sessions.createSession({ userId: userIdOf(user), client: clientOf(user), expires });
    });

  return {
    async createEndingTogether(count: number, calm: number) {
      // Measures how long a few sessions take, to predict how long all of them will take.
      const start = performance.now();
      await create(PACE_SESSIONS, new Date(Date.now() + 3_600_000));
      await audit.flush();
      const each = (performance.now() - start) / PACE_SESSIONS;
      const end = Date.now() + Math.ceil(count * each * 2) + 2 * calm;
      await create(count, new Date(end));
      await audit.flush();
      if (Date.now() > end - calm)
        throw new Error('This machine was too slow to create all sessions in time.');
      return end;
    },
  };
}
