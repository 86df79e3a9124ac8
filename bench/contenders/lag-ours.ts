import { setTimeout as delay } from 'node:timers/promises';

import type { ServerUrls } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import type { SteadyCreator } from '../scenarios/lag.js';
import { openApplication } from './application.js';

/** One process for both sign-ins and the audit jobs, which is the default. */
export async function open(servers: ServerUrls): Promise<SteadyCreator> {
  const { sessions } = await openApplication(servers, true);
  let user = 0;

  return {
    async create(perSecond: number, seconds: number) {
      const start = performance.now();
      const created: Promise<[string, number]>[] = [];
      const one = async (): Promise<[string, number]> => {
        user += 1;
        const session = { userId: userIdOf(user), client: clientOf(user) };
        const { handle } = await sessions.createSession(session);
        return [handle, performance.timeOrigin + performance.now()];
      };
      while (created.length < perSecond * seconds) {
        const due =
          Math.min(1, (performance.now() - start) / 1_000 / seconds) * perSecond * seconds;
        while (created.length < due) created.push(one());
        await delay(1);
      }
      return Promise.all(created);
    },
  };
}
