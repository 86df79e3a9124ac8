import { setTimeout as delay } from 'node:timers/promises';

import { forEachOf } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { VALIDATED, type Validator } from '../scenarios/sweep.js';
import { openApplication } from './application.js';

/** A web process; the audit jobs run in another one. */
export async function open(servers: ServerUrls): Promise<Validator> {
  const { sessions } = await openApplication(servers, false);
  const ids: string[] = [];
  await forEachOf(VALIDATED, 64, async (user) => {
    ids.push((await sessions.createSession({ userId: userIdOf(user), client: clientOf(user) })).id);
  });
  let latencies: number[] = [];

  const validate = async (id: string) => {
    const start = performance.now();
    await sessions.validateSession(id);
    latencies.push(performance.now() - start);
  };
  const keepValidating = async (perSecond: number) => {
    const start = performance.now();
    for (let turn = 0; ;) {
      const due = ((performance.now() - start) / 1_000) * perSecond;
      for (; turn < due; turn += 1) void validate(ids[turn % VALIDATED]!);
      await delay(1);
    }
  };

  return {
    async start(perSecond: number) {
      void keepValidating(perSecond);
    },
    async takeLatencies() {
      const taken = latencies;
      latencies = [];
      return taken;
    },
  };
}
