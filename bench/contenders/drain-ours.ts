import { forEachOf } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import type { Racer } from '../harness/in-turn.js';
import { clientOf, userIdOf } from '../harness/sample.js';
import { EVENTS_PER_MS } from '../scenarios/drain.js';
import { openApplication } from './application.js';

/** What the drain jobs do, by the method that does it on demand. */
export async function open(place: Place): Promise<Racer> {
  const { sessions, audit } = await openApplication(place, false);
  let ids: string[] = [];
  let users = 0;

  /** Leaves events in the outboxes: beginnings, and the ends of the sessions that `ids` names. */
  const prepare = async (beginnings: number) => {
    const begun: string[] = [];
    await forEachOf(beginnings, 64, async () => {
      users += 1;
      const session = { userId: userIdOf(users), client: clientOf(users) };
      begun.push((await sessions.createSession(session)).id);
      const over = ids.pop();
      if (over) await sessions.destroySession(over);
    });
    ids = begun;
  };

  return {
    async round(ms: number) {
      const half = (ms * EVENTS_PER_MS) / 2;
      if (ids.length === 0) await prepare(half);
      await audit.flush();
      await prepare(half);
      const start = performance.now();
      const { recorded } = await audit.flush();
      return (recorded / (performance.now() - start)) * 1_000;
    },
    tidy: async () => undefined,
  };
}
