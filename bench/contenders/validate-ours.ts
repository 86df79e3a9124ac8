import type { Place } from '../harness/contender.js';
import { closedLoop } from '../harness/closed-loop.js';
import type { Racer } from '../harness/in-turn.js';
import { clientOf, userIdOf } from '../harness/sample.js';
import { AT_ONCE, LIVE_SESSIONS } from '../scenarios/validate.js';
import { openApplication } from './application.js';

/** `validateSession` of live sessions. */
export async function open(place: Place): Promise<Racer> {
  const { sessions, audit } = await openApplication(place, false);
  const ids: string[] = [];
  for (let user = 0; user < LIVE_SESSIONS; user += 1) {
    const session = { userId: userIdOf(user), client: clientOf(user) };
    ids.push((await sessions.createSession(session)).id);
  }
  await audit.flush();

  return {
    round: (ms: number) =>
      closedLoop(AT_ONCE, ms, async (turn) => {
        const user = await sessions.validateSession(ids[turn % LIVE_SESSIONS]!);
        if (!user) throw new Error('A live session was not found.');
      }),
    tidy: async () => undefined,
  };
}
