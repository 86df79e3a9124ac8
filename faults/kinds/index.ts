import type { FaultKind } from '../campaign-context.js';
import { demotionKinds } from './demotion.js';
import { emptiedKinds } from './emptied.js';
import { failoverKinds } from './failover.js';
import { linkKinds } from './links.js';
import { postgresRollbackKinds } from './postgres-rolled-back.js';
import { processKinds } from './processes.js';
import { rollbackKinds } from './rollback.js';
import { serverKinds } from './servers.js';
import { slotKinds } from './slots.js';
import { wrongRedisKinds } from './wrong-redis.js';

/**
 * All kinds of faults. To add one:
 *
 * 1. Write a `FaultKind` (see `campaign-context.ts`) in the matching file of this folder: `processes.ts`
 *    (crashes, blocked processes, wrong clocks), `servers.ts` (Redis, Postgres, BullMQ), `links.ts`
 *    (the network), `failover.ts`, `demotion.ts` or `slots.ts`. Add it to the list at the end of that file.
 *    - `inject(context)` disturbs the system, waits, and undoes the disturbance. Up to three faults are
 *      active at a time, so expect servers and processes to be down. To stop a server, hold its lock:
 *      `servers.redisLock`, `servers.postgresLock`.
 *    - Take every random choice from `context.random`, so that a seed repeats the campaign.
 *    - If the fault should last until the check, push its undo function to `context.undoAfterCheck`.
 *    - Calls in flight need no special handling: the traffic records them, and the checker judges them. Push
 *      anything that goes wrong outside of calls to `context.problems`.
 *    - If the application itself must misbehave, add a method to `application/protocol.ts`, implement
 *      it in `application/main.ts`, and call it through `application-process.ts`.
 * 2. Add a mutant to `mutants/mutants.ts`: a deliberate bug that only this kind reveals. Without it,
 *    `mutants.spec.ts` fails.
 * 3. Run `npm run faults -- --only NAME`, then `node build/faults/mutants/run.js MUTANT`, which must
 *    report the mutant as caught. Add both to `docs/reliability.md`.
 */
const allKinds: FaultKind[] = [
  ...processKinds,
  ...serverKinds,
  ...linkKinds,
  ...failoverKinds,
  ...demotionKinds,
  ...slotKinds,
  ...rollbackKinds,
  ...emptiedKinds,
  ...wrongRedisKinds,
  ...postgresRollbackKinds,
];

/** The kinds that apply to these servers, limited to those in `only` unless it is empty. */
export function kindsFor(isCluster: boolean, only: string[]): FaultKind[] {
  const servers = isCluster ? 'cluster' : 'single';
  const possible = allKinds.filter(({ on }) => on === 'both' || on === servers);
  for (const name of only) {
    if (!possible.some((kind) => kind.name === name)) {
      const names = possible.map((kind) => kind.name).join(', ');
      throw new Error(`There is no kind '${name}' for these servers. The kinds are: ${names}.`);
    }
  }
  return only.length === 0 ? possible : possible.filter(({ name }) => only.includes(name));
}
