// Lets Node run the TypeScript sources in a child process of a test, compiled as jest compiles them,
// file by file. `startProgram()` registers it.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { transform } from '@swc/core';

import jest from '../jest.config.mjs';

const [, compilerOptions] = jest.transform['\\.ts$'];

/** Resolves an import of `x.js` to `x.ts`, as TypeScript does. */
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!/^\.{1,2}\/.*\.js$/.test(specifier)) throw error;
    return next(specifier.replace(/js$/, 'ts'), context);
  }
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const file = fileURLToPath(url);
  const options = {
    ...compilerOptions,
    filename: file,
    sourceMaps: 'inline',
    configFile: false,
    swcrc: false,
  };
  const { code } = await transform(await readFile(file, 'utf8'), options);
  return { format: 'module', source: code, shortCircuit: true };
}
