import { setTimeout as delay } from 'node:timers/promises';

import type { Place } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample.js';
import type { SteadyCreator } from '../scenarios/lag.js';
import { openApplication } from './application.js';

/** One process for all: sign-ins and the audit's jobs, as by default. */
export async function open(place: Place): Promise<SteadyCreator> {
  const { sessions } = await openApplication(place, true);
  let user = 0;

  return {
    async create(perSecond: number, seconds: number) {
      const start = performance.now();
      const begun: Promise<[string, number]>[] = [];
      const one = async (): Promise<[string, number]> => {
        user += 1;
        const session = { userId: userIdOf(user), client: clientOf(user) };
        const { handle } = await sessions.createSession(session);
        return [handle, performance.timeOrigin + performance.now()];
      };
      while (begun.length < perSecond * seconds) {
        const due =
          Math.min(1, (performance.now() - start) / 1_000 / seconds) * perSecond * seconds;
        while (begun.length < due) begun.push(one());
        await delay(1);
      }
      return Promise.all(begun);
    },
  };
}
