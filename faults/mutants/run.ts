import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { mutants, type Mutant } from './mutants.js';

// Applies each mutant to a copy of the tree, and reports whether the campaign reveals it.
// `node build/faults/mutants/run.js NAME...` tries only those mutants.

/** What each copy needs. */
const NEEDED = [
  'src',
  'dev',
  'build',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsconfig.cjs.json',
];
const SEEDS = [1, 2, 3];
const FAULTS = 15;

const names = process.argv.slice(2);
const chosen = mutants.filter(({ name }) => names.length === 0 || names.includes(name));
let missed = 0;
for (const mutant of chosen) {
  const verdict = tryMutant(mutant);
  if (!verdict) missed += 1;
  console.log(`${mutant.name.padEnd(26)} ${mutant.kind.padEnd(28)} ${verdict ?? 'NOT CAUGHT'}`);
}
console.log(`${chosen.length - missed} of ${chosen.length} mutants caught`);
process.exitCode = missed > 0 ? 1 : 0;

/** The closing line of the first campaign that caught it; null if none did. */
function tryMutant(mutant: Mutant): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-mutant-'));
  try {
    for (const name of NEEDED) cpSync(name, join(folder, name), { recursive: true });
    symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
    for (const edit of mutant.edits) apply(folder, edit);
    build(folder);
    for (const seed of SEEDS) {
      const verdict = campaign(folder, mutant, seed);
      if (verdict) return verdict;
    }
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function apply(folder: string, { file, from, to }: Mutant['edits'][number]): void {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  if (text.split(from).length !== 2)
    throw new Error(`${file} does not contain exactly once: ${from}`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
}

function build(folder: string): void {
  const { status, stdout } = spawnSync(process.execPath, ['dev/build-package.mjs'], {
    cwd: folder,
  });
  if (status !== 0) throw new Error(`The mutant does not compile:\n${String(stdout)}`);
}

function campaign(folder: string, { kind, cluster }: Mutant, seed: number): string | null {
  const args = ['build/faults/run.js', '--only', kind, '--faults', FAULTS, '--seed', seed].map(
    String,
  );
  if (cluster) args.push('--cluster');
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  if (status === 0) return null;
  return stdout.trim().split('\n').at(-1) ?? 'no output';
}
