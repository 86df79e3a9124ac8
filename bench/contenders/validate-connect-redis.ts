import { closedLoop } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import type { Candidate } from '../harness/interleaved.js';
import { CONCURRENCY, LIVE_SESSIONS } from '../scenarios/validate.js';
import { openPeerStore, peerSession } from './peer-store.js';

/** `get` of connect-redis on a node-redis client, which pipelines automatically. */
export async function open(servers: ServerUrls): Promise<Candidate> {
  const store = await openPeerStore(servers.redisUrl);
  const ids: string[] = [];
  for (let user = 0; user < LIVE_SESSIONS; user += 1) {
    const { id, session } = peerSession(user);
    await store.set(id, session);
    ids.push(id);
  }

  return {
    round: (ms: number) =>
      closedLoop(CONCURRENCY, ms, async (turn) => {
        const session = await store.get(ids[turn % LIVE_SESSIONS]!);
        if (!session) throw new Error('A live session is missing.');
      }),
    cleanUp: async () => undefined,
  };
}
