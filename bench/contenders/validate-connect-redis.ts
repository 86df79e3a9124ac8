import { closedLoop } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import type { Racer } from '../harness/in-turn.js';
import { AT_ONCE, LIVE_SESSIONS } from '../scenarios/validate.js';
import { openPeerStore, peerSession } from './peer-store.js';

/** `get` of connect-redis, over a node-redis client, which pipelines by itself. */
export async function open(place: Place): Promise<Racer> {
  const store = await openPeerStore(place.redisUrl);
  const ids: string[] = [];
  for (let user = 0; user < LIVE_SESSIONS; user += 1) {
    const { id, session } = peerSession(user);
    await store.set(id, session);
    ids.push(id);
  }

  return {
    round: (ms: number) =>
      closedLoop(AT_ONCE, ms, async (turn) => {
        const session = await store.get(ids[turn % LIVE_SESSIONS]!);
        if (!session) throw new Error('A live session was not found.');
      }),
    tidy: async () => undefined,
  };
}
