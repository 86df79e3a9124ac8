// Loads the package by `import` and by `require`, and compares. The argument says how to load the main
// entry point first; then the other entry point is loaded the other way first.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const load = { import: (name) => import(name), require: (name) => require(name) };
const first = process.argv[2];
const second = first === 'import' ? 'require' : 'import';

await compare('nest-session-ledger', [first, second], 'SessionService');
await compare('nest-session-ledger/testing', [second, first], 'SessionTestingModule');

async function compare(name, order, known) {
  const loaded = [];
  for (const way of order) loaded.push(await load[way](name));
  assert.ok(loaded[0][known], `${name} has no ${known}`);
  for (const key of Object.keys(loaded[0])) assert.equal(loaded[0][key], loaded[1][key], key);
}
