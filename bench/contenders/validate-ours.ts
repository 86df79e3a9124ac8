import type { ServerUrls } from '../harness/contender.js';
import { closedLoop } from '../harness/closed-loop.js';
import type { Candidate } from '../harness/interleaved.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { CONCURRENCY, LIVE_SESSIONS } from '../scenarios/validate.js';
import { openApplication } from './application.js';

/** `validateSession` for live sessions. */
export async function open(servers: ServerUrls): Promise<Candidate> {
  const { sessions, audit } = await openApplication(servers, false);
  const ids: string[] = [];
  for (let user = 0; user < LIVE_SESSIONS; user += 1) {
    const session = { userId: userIdOf(user), client: clientOf(user) };
    ids.push((await sessions.createSession(session)).id);
  }
  await audit.flush();

  return {
    round: (ms: number) =>
      closedLoop(CONCURRENCY, ms, async (turn) => {
        const user = await sessions.validateSession(ids[turn % LIVE_SESSIONS]!);
        if (!user) throw new Error('A live session is missing.');
      }),
    cleanUp: async () => undefined,
  };
}
