import { forEachOf } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample.js';
import { TRIED, type Worker } from '../scenarios/sweep.js';
import { openApplication } from './application.js';

/** Users beside those of the validating process. */
const FIRST_USER = 1_000_000;

/** The process with the audit's jobs; it also makes the sessions. */
export async function open(place: Place): Promise<Worker> {
  const { sessions, audit } = await openApplication(place, true, {
    redisTimeout: 5_000, // it makes sessions as fast as they go, beside the drain
  });
  let user = FIRST_USER;

  const create = (count: number, expires: Date) =>
    forEachOf(count, 64, async () => {
      user += 1;
      await sessions.createSession({ userId: userIdOf(user), client: clientOf(user), expires });
    });

  return {
    async createEndingTogether(count: number, calm: number) {
      // Far enough away for this machine to make and record them all before.
      const start = performance.now();
      await create(TRIED, new Date(Date.now() + 3_600_000));
      await audit.flush();
      const each = (performance.now() - start) / TRIED;
      const end = Date.now() + Math.ceil(count * each * 2) + 2 * calm;
      await create(count, new Date(end));
      await audit.flush();
      if (Date.now() > end - calm) throw new Error('This machine was too slow to make them all.');
      return end;
    },
  };
}
