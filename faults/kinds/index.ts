import { failoverKinds } from './failover.js';
import type { Kind } from './kind.js';
import { linkKinds } from './links.js';
import { processKinds } from './processes.js';
import { serverKinds } from './servers.js';

export type { Kind } from './kind.js';

const allKinds: Kind[] = [...processKinds, ...serverKinds, ...linkKinds, ...failoverKinds];

/** The kinds that can happen there; `only` narrows them to those that it names. */
export function kindsFor(isCluster: boolean, only: string[]): Kind[] {
  const where = isCluster ? 'cluster' : 'single';
  const possible = allKinds.filter(({ on }) => on === 'both' || on === where);
  for (const name of only) {
    if (!possible.some((kind) => kind.name === name)) {
      const names = possible.map((kind) => kind.name).join(', ');
      throw new Error(`There is no kind ${name} here; there are: ${names}.`);
    }
  }
  return only.length === 0 ? possible : possible.filter(({ name }) => only.includes(name));
}
