import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A Lua script, ready to be run. Its file in `lua/` documents KEYS, ARGV and reply. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha1: string;
}

/** Reads `lua/<name>.lua` and puts `lua/include/<part>.lua` where it says `--!include <part>`. */
function load(name: string): Script {
  const source = read(`${name}.lua`).replace(/^--!include (.+)$/gm, (_, part) =>
    read(`include/${part}.lua`),
  );
  return { name, source, sha1: createHash('sha1').update(source).digest('hex') };
}

function read(file: string): string {
  return readFileSync(new URL(`./lua/${file}`, import.meta.url), 'utf8');
}

/** No other code writes session keys. */
export const scripts = {
  create: load('create'),
  touch: load('touch'),
  destroy: load('destroy'),
  destroyAll: load('destroy-all'),
  rotate: load('rotate'),
  updateData: load('update-data'),
  sweep: load('sweep'),
  declareLost: load('declare-lost'),
  time: load('time'),
};
