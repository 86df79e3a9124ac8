import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startPostgres } from '../dev/index.js';
import { BUNDLE_TRIALS } from './bundle-trials.js';
import { trialOf } from './corner-trial.js';
import { CORNERS } from './corners.js';
import { LAYOUT_TRIALS } from './layout-trials.js';
import { pack } from './packed.js';
import { markdownTable, type Row } from './table.js';
import { runTool } from './run-tool.js';
import { runTrial } from './trial.js';

// Installs the packed package into one application per trial, and prints what works in each.
//
//   npm run matrix -- --only TEXT   the trials whose name contains the text
//   npm run matrix -- --write       writes the tables of all trials into docs/compatibility.md

const DOCUMENT = join('docs', 'compatibility.md');

const options = { only: { type: 'string', default: '' }, write: { type: 'boolean' } } as const;
const { only, write } = parseArgs({ options }).values;
const GROUPS = [CORNERS.map(trialOf), BUNDLE_TRIALS, LAYOUT_TRIALS];
const trials = GROUPS.flat().filter(({ name }) => name.includes(only));

const rows = await runAll();
const passed = rows.filter(({ results }) => results.every(({ error }) => !error)).length;
console.log(`${passed} of ${trials.length} trials pass on Node ${process.version}.`);
if (write && only === '') await writeTables();
process.exitCode = passed === trials.length && passed > 0 ? 0 : 1;

async function runAll(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-packed-'));
  const postgres = await startPostgres();
  const done: Row[] = [];
  try {
    const tarball = await pack(folder);
    for (const trial of trials) {
      const results = await runTrial(trial, tarball, postgres);
      done.push({ name: trial.name, results });
      print(done.at(-1)!);
    }
    return done;
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function print({ name, results }: Row): void {
  const steps = results.map(({ step, error }) => `${error ? '✘' : '✔'} ${step}`).join('  ');
  console.log(`${name.padEnd(72)} ${steps}`);
  for (const { error } of results) if (error) console.log(error);
}

/** Replaces what is between the two comments. */
async function writeTables(): Promise<void> {
  const text = readFileSync(DOCUMENT, 'utf8');
  const tables = GROUPS.map((group) => {
    const names = group.map(({ name }) => name);
    return markdownTable(rows.filter(({ name }) => names.includes(name)));
  });
  const content = `<!-- matrix -->\n\n${tables.join('\n')}\n<!-- end of matrix -->`;
  const pattern = /<!-- matrix -->.*<!-- end of matrix -->/s;
  writeFileSync(
    DOCUMENT,
    text.replace(pattern, () => content),
  );
  await runTool('npx', ['prettier', '--write', DOCUMENT], process.cwd());
}
