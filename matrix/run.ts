import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startPostgres } from '../dev/index.js';
import { CORNERS } from './corners.js';
import { pack } from './packed.js';
import { tryCorner, type StepResult } from './try-corner.js';

// Installs the packed package into one application per corner, and prints what works in each.
// `npm run matrix -- --only TEXT` tries the corners whose name contains the text.

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const corners = CORNERS.filter(({ name }) => name.includes(values.only));
const folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-packed-'));
const postgres = await startPostgres();
let failed = 0;
try {
  const tarball = await pack(folder);
  for (const corner of corners) {
    const results = await tryCorner(corner, tarball, postgres);
    if (results.some(({ error }) => error)) failed += 1;
    print(corner.name, results);
  }
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `${corners.length - failed} of ${corners.length} corners pass on Node ${process.version}`,
);
process.exitCode = failed > 0 || corners.length === 0 ? 1 : 0;

function print(name: string, results: StepResult[]): void {
  const steps = results.map(({ step, error }) => `${error ? '✘' : '✔'} ${step}`).join('  ');
  console.log(`${name.padEnd(48)} ${steps}`);
  for (const { error } of results) if (error) console.log(error);
}
