import { forEachOf } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import type { Candidate } from '../harness/interleaved.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { EVENTS_PER_MS } from '../scenarios/drain.js';
import { openApplication } from './application.js';

/** `SessionAudit.flush()`, which drains on demand exactly as the jobs do. */
export async function open(servers: ServerUrls): Promise<Candidate> {
  const { sessions, audit } = await openApplication(servers, false);
  let ids: string[] = [];
  let users = 0;

  /** Fills the outboxes: creates sessions, and ends those in `ids`. */
  const prepare = async (count: number) => {
    const created: string[] = [];
    await forEachOf(count, 64, async () => {
      users += 1;
      const session = { userId: userIdOf(users), client: clientOf(users) };
      created.push((await sessions.createSession(session)).id);
      const over = ids.pop();
      if (over) await sessions.destroySession(over);
    });
    ids = created;
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
    cleanUp: async () => undefined,
  };
}
