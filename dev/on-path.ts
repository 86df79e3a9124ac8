import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The file of a program, as a shell finds it; undefined if it isn't installed. */
export function onPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}
