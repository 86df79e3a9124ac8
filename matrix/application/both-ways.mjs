// Loads the package by `import` and by `require`, in the order of the argument, and compares.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const name = 'nest-session-ledger';
const load = { import: () => import(name), require: () => require(name) };
const [first, second] =
  process.argv[2] === 'import' ? ['import', 'require'] : ['require', 'import'];
const exports = { [first]: await load[first](), [second]: await load[second]() };

for (const key of Object.keys(exports.import)) {
  assert.equal(exports.import[key], exports.require[key], key);
}
assert.ok(exports.import.SessionService);
