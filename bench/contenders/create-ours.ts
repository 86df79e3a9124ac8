import { closedLoop } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import type { Candidate } from '../harness/interleaved.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { CONCURRENCY } from '../scenarios/create.js';
import { openApplication } from './application.js';

/** `createSession`, for a different user each time. */
export async function open(servers: ServerUrls): Promise<Candidate> {
  const { sessions, audit } = await openApplication(servers, false);
  let user = 0;

  return {
    round: (ms: number) =>
      closedLoop(CONCURRENCY, ms, () => {
        user += 1;
        return sessions.createSession({ userId: userIdOf(user), client: clientOf(user) });
      }),
    cleanUp: async () => void (await audit.flush()),
  };
}
