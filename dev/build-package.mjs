// Builds the package. `npm run build` writes it to `dist`; another folder can be given as argument.
//
//   dist/             ES modules
//   dist/cjs/         the same as CommonJS, and the declarations, which both builds share
//   …/entry.js        what `exports` in package.json names: see `src/one-copy.ts`
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { toCommonJs, toModule } from './lua-modules.mjs';

/** The public modules, each a folder of `src` with an `index.ts`; '.' is `src` itself. */
const ENTRIES = ['.', 'testing'];

/** What `schematics` in package.json names. */
const COLLECTION = ['schematics', 'collection.json'];

const project = resolve(import.meta.dirname, '..');
const esm = resolve(process.argv[2] ?? join(project, 'dist'));
const cjs = join(esm, 'cjs');
const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));

rmSync(esm, { recursive: true, force: true });
// The first one checks the types of the same files.
await Promise.all([
  compile('tsconfig.build.json', esm),
  compile('tsconfig.cjs.json', cjs, '--noCheck'),
]);
writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs" }\n');
writeScripts();
cpSync(join(project, 'src', ...COLLECTION), join(cjs, ...COLLECTION));
unwrapImports();
for (const entry of ENTRIES) await writeEntry(entry);

async function compile(config, folder, ...options) {
  const tsc = join(project, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', join(project, config), '--outDir', folder, ...options];
  const compiler = spawn(process.execPath, args, { stdio: 'inherit' });
  const code = await new Promise((done) => compiler.once('close', done));
  if (code !== 0) process.exit(1);
}

function writeScripts() {
  const lua = join('store', 'lua');
  const source = join(project, 'src', lua);
  for (const folder of [esm, cjs]) mkdirSync(join(folder, lua));
  for (const file of readdirSync(source).filter((name) => name.endsWith('.lua'))) {
    writeFileSync(join(esm, lua, `${file}.js`), toModule(join(source, file)));
    writeFileSync(join(cjs, lua, `${file}.js`), toCommonJs(join(source, file)));
  }
}

/**
 * TypeScript wraps a dynamic import of CommonJS in a function. Without it, the `require` of an optional
 * package stands in the `try` around it, and bundlers accept that the package is missing.
 */
function unwrapImports() {
  const wrapped = /Promise\.resolve\(\)\.then\(\(\) => (__importStar\(require\('[^']+'\)\))\)/g;
  let found = 0;
  for (const file of readdirSync(cjs, { recursive: true }).filter((name) => name.endsWith('.js'))) {
    const code = readFileSync(join(cjs, file), 'utf8');
    const imports = code.match(wrapped)?.length ?? 0;
    if (imports > 0) writeFileSync(join(cjs, file), code.replace(wrapped, '$1'));
    found += imports;
  }
  if (found === 0) throw new Error('unwrapImports() found no dynamic import: compare it with tsc.');
}

/** Lists the exports by name, for programs that read the names without running the module. */
async function writeEntry(entry) {
  const names = Object.keys(await import(pathToFileURL(join(esm, entry, 'index.js')).href));
  const root = entry === '.' ? './' : '../';
  writeFileSync(join(esm, entry, 'entry.js'), esmEntry(entry, root, names));
  writeFileSync(join(cjs, entry, 'entry.js'), cjsEntry(entry, root, names));
  writeFileSync(join(cjs, entry, 'entry.d.ts'), "export * from './index.js';\n");
  const declarations = entry === '.' ? 'entry.js' : `${entry}/entry.js`;
  writeFileSync(join(esm, entry, 'entry.d.ts'), `export * from '${root}cjs/${declarations}';\n`);
}

// Every other entry point loads the main one first, and itself from the build that the main one is of.

function esmEntry(entry, root, names) {
  const isMain = entry === '.';
  const other = `createRequire(import.meta.url)('${root}cjs/${entry}/index.js')`;
  return `${isMain ? '' : "import { createRequire } from 'node:module';\nimport '../entry.js';\n"}import * as own from './index.js';
import { oneCopy } from '${root}one-copy.js';
const build = { format: 'esm', version: '${version}' };
const loaders = { esm: () => own${isMain ? '' : `, cjs: () => ${other}`} };
export const { ${names.join(', ')} } = oneCopy('${entry}', build, loaders);
`;
}

function cjsEntry(entry, root, names) {
  const isMain = entry === '.';
  return `'use strict';
Object.defineProperty(exports, '__esModule', { value: true });
${isMain ? '' : "require('../entry.js');\n"}const { oneCopy } = require('${root}one-copy.js');
const build = { format: 'cjs', version: '${version}' };
const loaders = { cjs: () => require('./index.js')${isMain ? '' : `, esm: () => require('../../${entry}/index.js')`} };
const copy = oneCopy('${entry}', build, loaders);
${names.map((name) => `exports.${name} = copy.${name};`).join('\n')}
`;
}
