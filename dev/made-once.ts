import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';

/**
 * Makes a folder that is either complete or not there: `make` fills a scratch folder beside it,
 * which then takes the final name in one step. Two processes at once both do the work and the
 * second throws its own away; unlike a lock, that cannot be left behind by a process that died.
 */
export async function madeOnce(folder: string, make: (scratch: string) => Promise<void>) {
  if (existsSync(folder)) return;
  const scratch = await mkdtemp(`${folder}.making-`);
  try {
    await make(scratch);
    await rename(scratch, folder);
  } catch (error) {
    await rm(scratch, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
