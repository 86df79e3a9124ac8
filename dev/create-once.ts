import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';

/**
 * Creates a folder that is either complete or doesn't exist: `fill` fills a scratch folder next to it,
 * which then gets the final name in one step. If two processes do so at the same time, the second
 * discards its work. A lock would avoid that, but a process that dies would leave the lock behind.
 */
export async function createOnce(folder: string, fill: (scratch: string) => Promise<void>) {
  if (existsSync(folder)) return;
  const scratch = await mkdtemp(`${folder}.scratch-`);
  try {
    await fill(scratch);
    await rename(scratch, folder);
  } catch (error) {
    await rm(scratch, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
