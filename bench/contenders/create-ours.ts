import { closedLoop } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import type { Racer } from '../harness/in-turn.js';
import { clientOf, userIdOf } from '../harness/sample.js';
import { AT_ONCE } from '../scenarios/create.js';
import { openApplication } from './application.js';

/** `createSession`, each for another user. */
export async function open(place: Place): Promise<Racer> {
  const { sessions, audit } = await openApplication(place, false);
  let user = 0;

  return {
    round: (ms: number) =>
      closedLoop(AT_ONCE, ms, () => {
        user += 1;
        return sessions.createSession({ userId: userIdOf(user), client: clientOf(user) });
      }),
    tidy: async () => void (await audit.flush()),
  };
}
