import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const run = promisify(execFile);
const BENCH = 'build/bench/run.js';

/** The rows of docs/performance.md. */
const NAMES = [
  'validate',
  'validate-limit',
  'create',
  'create-limit',
  'drain',
  'drain-limit',
  'http',
  'http-peer',
  'lag',
  'memory',
  'growth',
  'sweep',
];

interface Row {
  name: string;
  ours: number;
  peer: number | null;
  unit: string;
  ratio: number;
  threshold: number;
  met: boolean;
}

// Whether it measures, not how fast: the figures of a tiny run on a busy machine mean nothing.
describe('npm run bench', () => {
  let folder: string;
  let table: string;

  beforeAll(async () => {
    if (!existsSync(BENCH)) throw new Error('Run `npm run build` first.');
    folder = await mkdtemp(join(tmpdir(), 'bench-'));
    const args = ['--quick', '--json', join(folder, 'rows.json'), '--charts', folder];
    table = (await run(process.execPath, [BENCH, ...args])).stdout;
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('the benchmark measures every row and writes it to its JSON file', async () => {
    const { rows } = JSON.parse(await readFile(join(folder, 'rows.json'), 'utf8')) as {
      rows: Row[];
    };
    expect(rows.map((row) => row.name)).toEqual(NAMES);
    for (const row of rows) {
      expect(row.ours).toBeGreaterThan(0);
      expect(row.peer ?? 1).toBeGreaterThan(0);
      expect(row.unit).not.toBe('');
      expect(row.met).toBe(row.ratio >= row.threshold);
    }
  });

  test('the benchmark prints every row in its table', () => {
    for (const name of NAMES) expect(table).toMatch(new RegExp(`^${name} `, 'm'));
  });

  test('the benchmark draws a chart of every scenario', async () => {
    const charts = (await readdir(folder)).filter((file) => file.endsWith('.svg'));
    expect(charts).toHaveLength(8);
    for (const chart of charts) {
      const svg = await readFile(join(folder, chart), 'utf8');
      expect(svg).toMatch(/^<svg /);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  test('costs.js counts what each operation costs and what a session takes in Postgres', async () => {
    const { stdout } = await run(process.execPath, ['build/bench/costs.js', '20']);
    for (const line of ['createSession', 'validateSession', 'destroySession', 'sessions, over']) {
      expect(stdout).toMatch(new RegExp(`^${line} .*\\d\\.\\d$`, 'm'));
    }
  }, 120_000);

  test('rollback.js measures how long the lost events take to be made good', async () => {
    const { stdout } = await run(process.execPath, ['build/bench/rollback.js', '200', '20']);
    expect(stdout).toMatch(/^ended again, lost +10, 10$/m);
    expect(stdout).toMatch(/^everything mended after +\d+\.\d s$/m);
  }, 120_000);

  test('the benchmark rejects an unknown row and lists those that exist', async () => {
    await expect(run(process.execPath, [BENCH, '--only', 'nothing'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('validate-limit'),
    });
  });
});
