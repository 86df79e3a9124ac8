import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const project = join(import.meta.dirname, '..', '..', '..');
const { version, devDependencies } = JSON.parse(
  readFileSync(join(project, 'package.json'), 'utf8'),
) as { version: string; devDependencies: Record<string, string> };

/** The dependencies of an application that uses the package: its required peers, and a compiler. */
const INSTALLED = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/platform-express',
  '@types/node',
  'bullmq',
  'ioredis',
  'pg',
  'reflect-metadata',
  'rxjs',
  'typeorm',
  'typescript',
];

/** The packed package, installed in a folder outside the project. */
export interface Packed {
  readonly tarball: string;
  /** Contains the tarball, `node_modules` and the applications. */
  readonly folder: string;
  /** Compiles and runs the application with this module type, and returns its output. */
  runApplication(type: 'module' | 'commonjs', env: Record<string, string>): Promise<string>;
  remove(): void;
}

export async function packAndInstall(): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-package-'));
  const tarball = await pack(folder);
  const dependencies = Object.fromEntries(INSTALLED.map((name) => [name, devDependencies[name]]));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      private: true,
      dependencies: { ...dependencies, 'nest-session-ledger': `file:${tarball}` },
    }),
  );
  await npmInstall(folder);
  return {
    tarball,
    folder,
    runApplication: (type, env) => runApplication(folder, type, env),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Packs the current build into this folder; returns the tarball. */
export async function pack(folder: string): Promise<string> {
  await buildIfStale();
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: project });
  return join(folder, `nest-session-ledger-${version}.tgz`);
}

/** Builds only if `src` has changed since the last build: `npm test` has built already. */
async function buildIfStale(): Promise<void> {
  const built = await newest(join(project, 'dist')).catch(() => 0);
  if (built > (await newest(join(project, 'src')))) return;
  await run('node', ['dev/build-package.mjs'], { cwd: project });
}

async function newest(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true });
  return Math.max(...files.map((file) => statSync(join(folder, file)).mtimeMs));
}

export async function npmInstall(folder: string): Promise<void> {
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--silent'];
  await run('npm', ['install', ...quick], { cwd: folder });
}

async function runApplication(
  folder: string,
  type: 'module' | 'commonjs',
  env: Record<string, string>,
): Promise<string> {
  const application = join(folder, type);
  mkdirSync(application);
  cpSync(join(import.meta.dirname, 'application'), application, { recursive: true });
  writeFileSync(join(application, 'package.json'), JSON.stringify({ type, private: true }));
  writeFileSync(join(application, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  const node = process.execPath;
  const tsc = join(folder, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(node, [tsc, '-p', application], { cwd: application }).catch(showOutput);
  const main = join(application, 'out', 'main.js');
  const { stdout } = await run(node, [main], { cwd: application, env: { ...process.env, ...env } });
  return stdout;
}

const compilerOptions = {
  target: 'ES2023',
  module: 'nodenext',
  types: ['node'],
  strict: true,
  skipLibCheck: false,
  // Fails if a declaration file of the application needs a type that the package doesn't export.
  declaration: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  rootDir: '.',
  outDir: 'out',
};

/** The compiler prints errors on stdout, which the error of execFile doesn't contain. */
function showOutput(error: { stdout?: string }): never {
  throw new Error(error.stdout, { cause: error });
}
