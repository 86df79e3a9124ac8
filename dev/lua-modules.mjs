// Lua scripts as modules. The sources import `./lua/create.lua.js`, which exports the text of
// `create.lua` with its includes. Jest (`jest.config.mjs`) and `typescript-loader.mjs` make that
// module from the .lua file when it is imported; `build-package.mjs` writes it into the package. So
// the published code reads no files, and works inside a bundle.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The text of a script: each line `--!include <part>` is replaced by `include/<part>.lua`. */
export function assemble(file) {
  return readFileSync(file, 'utf8').replace(/^--!include (.+)$/gm, (_, part) =>
    readFileSync(join(dirname(file), 'include', `${part}.lua`), 'utf8'),
  );
}

/** The script as an ES module. */
export function toModule(file) {
  return `export default ${JSON.stringify(assemble(file))};\n`;
}

/** The script as a CommonJS module, in the form that TypeScript expects of a default export. */
export function toCommonJs(file) {
  const header = "'use strict';\nObject.defineProperty(exports, '__esModule', { value: true });\n";
  return `${header}exports.default = ${JSON.stringify(assemble(file))};\n`;
}

/** Jest's transformer. The key covers the includes: a change of one must not find an old result. */
export default {
  process: (_text, file) => ({ code: toModule(file) }),
  processAsync: async (_text, file) => ({ code: toModule(file) }),
  getCacheKey: (_text, file) => createHash('sha256').update(toModule(file)).digest('hex'),
};
