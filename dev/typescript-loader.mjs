// Lets Node run the TypeScript sources, compiled file by file as jest compiles them.
// Registered by `typescript.mjs`.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { transform } from '@swc/core';

import { swc } from '../jest.config.mjs';
import { toModule } from './lua-modules.mjs';

const PACKAGE = new URL('../src/index.ts', import.meta.url).href;

/**
 * Resolves an import of `x.js` to `x.ts`, as TypeScript does, that of `x.lua.js` to `x.lua`, and this
 * package to its sources.
 */
export async function resolve(specifier, context, next) {
  if (specifier === 'nest-session-ledger') return next(PACKAGE, context);
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!/^\.{1,2}\/.*\.js$/.test(specifier)) throw error;
    const source = specifier.endsWith('.lua.js')
      ? specifier.slice(0, -'.js'.length)
      : specifier.replace(/js$/, 'ts');
    return next(source, context);
  }
}

export async function load(url, context, next) {
  if (url.endsWith('.lua')) {
    return { format: 'module', source: toModule(fileURLToPath(url)), shortCircuit: true };
  }
  if (!url.endsWith('.ts')) return next(url, context);
  const file = fileURLToPath(url);
  const options = {
    ...swc,
    filename: file,
    sourceMaps: 'inline',
    configFile: false,
    swcrc: false,
  };
  const { code } = await transform(await readFile(file, 'utf8'), options);
  return { format: 'module', source: code, shortCircuit: true };
}
