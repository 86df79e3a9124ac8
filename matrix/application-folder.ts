import { cpSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Corner } from './corners.js';

/** Fails if a declaration file of the application needs a type that the package doesn't export. */
const compilerOptions = {
  target: 'ES2023',
  module: 'nodenext',
  types: ['node'],
  strict: true,
  skipLibCheck: false,
  declaration: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  esModuleInterop: true,
  rootDir: '.',
  outDir: 'out',
};

/** Writes the application for a corner into a new folder outside the project, uninstalled. */
export function createApplication({ type, packages, overrides }: Corner, tarball: string): string {
  // The real path: on macOS, the folder of temporary files is a link.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nest-session-ledger-matrix-')));
  cpSync(join('matrix', 'application'), folder, { recursive: true });
  const dependencies = { ...packages, 'nest-session-ledger': `file:${tarball}` };
  write(folder, 'package.json', { private: true, type, dependencies, overrides });
  write(folder, 'tsconfig.json', { compilerOptions, include: ['*.ts'] });
  return folder;
}

function write(folder: string, file: string, content: object): void {
  writeFileSync(join(folder, file), JSON.stringify(content, null, 2));
}
