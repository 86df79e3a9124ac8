import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The program's file, as the shell would find it. */
export function onPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}
