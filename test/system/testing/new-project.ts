import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { npmInstall, pack } from '../../../matrix/packed.js';

const run = promisify(execFile);
const project = join(import.meta.dirname, '..', '..', '..');

/** A project as `nest new` makes it, with the application of docs/testing.md in it. */
export interface NewProject {
  /** Runs a script of its package.json, or a command; returns its output. */
  npm(...args: string[]): Promise<string>;
  remove(): void;
}

/** How a version of the Nest command line sets up a project. */
export interface Template {
  /** Makes the project's files in an empty folder. */
  create(folder: string): Promise<void>;
  /** The versions of our peers that fit this Nest. */
  peers: Record<string, string>;
  /** Adapts a file of docs/testing.md, which is written for Jest and CommonJS. */
  adapt(code: string): string;
}

/** Nest 11, CommonJS and Jest: the files that `@nestjs/cli` 11.0.24 wrote. */
export const nest11: Template = {
  async create(folder) {
    cpSync(join(import.meta.dirname, 'nest-11'), folder, { recursive: true });
  },
  peers: { typeorm: '^0.3.20', bullmq: '^5.72.0', ioredis: '^5.9.0', pg: '^8.16.0' },
  adapt: (code) => code,
};

/** Nest 12, ES modules and Vitest: made by the installed command line. */
export const nest12: Template = {
  async create(folder) {
    const nest = join(project, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
    const options = ['--skip-git', '--skip-install', '-p', 'npm', '-l', 'ts', '--no-observe'];
    const args = [nest, 'new', 'nest-12', '--directory', '.', ...options];
    await run(process.execPath, args, { cwd: folder });
  },
  peers: { typeorm: '^1.1.0', bullmq: '^6.7.0', ioredis: '^5.9.0', pg: '^8.16.0' },
  adapt: (code) => code.replaceAll(/(from '\.[^']*)'/g, "$1.js'").replaceAll('jest.', 'vi.'),
};

/** What a project needs to run its tests; the others would only take time to install. */
const TEST_TOOLS = /^(@nestjs\/testing|@types\/.+|jest|supertest|ts-jest|typescript|vite.*)$/;

export async function createProject({ create, peers, adapt }: Template): Promise<NewProject> {
  const folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-testing-'));
  const [tarball] = await Promise.all([pack(folder), create(folder)]);
  for (const { path, code } of documentedFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), adapt(code));
  }
  addDependencies(folder, { ...peers, 'nest-session-ledger': `file:${tarball}` });
  await npmInstall(folder);
  // Nothing listens there: a connection to either would fail a test.
  const servers = { REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgres://127.0.0.1:1/none' };
  const env = { ...process.env, ...servers, NODE_OPTIONS: '', NO_COLOR: '1' };
  return {
    npm: (...args) => outputOf('npm', args, { cwd: folder, env }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The files of docs/testing.md; their first lines name them. */
function documentedFiles(): { path: string; code: string }[] {
  const text = readFileSync(join(project, 'docs', 'testing.md'), 'utf8');
  const files = [...text.matchAll(/^```typescript\n\/\/ (\S+)\n(.*?)^```/gms)];
  return files.map(([, path, code]) => ({ path: path!, code: code! }));
}

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

function addDependencies(folder: string, added: Record<string, string>): void {
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  const tools = Object.entries(manifest.devDependencies).filter(([name]) => TEST_TOOLS.test(name));
  const dependencies = { ...manifest.dependencies, ...added };
  const devDependencies = Object.fromEntries(tools);
  writeFileSync(file, JSON.stringify({ ...manifest, dependencies, devDependencies }));
}

/** Jest writes its report to stderr, and the error of execFile contains neither stream. */
async function outputOf(
  command: string,
  args: string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<string> {
  const { stdout, stderr } = await run(command, args, options).catch(
    (error: { stdout: string; stderr: string }) => {
      throw new Error(error.stdout + error.stderr);
    },
  );
  return stdout + stderr;
}
