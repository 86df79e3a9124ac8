import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { describe, expect, test } from '@jest/globals';

const dist = resolve(import.meta.dirname, '..', '..', '..', 'dist');

/** What a built module imports when it is loaded. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^(?:import|export) [^;]*?'([^']+)';$/gm)].map(([, name]) => name!);
}

/** The packages that are loaded with a built module, directly or through others. */
function packagesOf(file: string, seen = new Set<string>(), found = new Set<string>()) {
  if (seen.has(file)) return found;
  seen.add(file);
  for (const name of importsOf(file)) {
    if (name.startsWith('.')) packagesOf(join(dirname(file), name), seen, found);
    else found.add(name);
  }
  return found;
}

/** Loading them takes longer than a unit test. */
const DRIVERS = ['bullmq', 'ioredis', 'pg', 'typeorm'];

describe('the sessions in memory', () => {
  test('load no driver of Redis or Postgres', () => {
    const packages = packagesOf(join(dist, 'testing', 'index.js'));
    expect([...packages]).toEqual(expect.arrayContaining(['@nestjs/common', 'ms']));
    expect(DRIVERS.filter((name) => packages.has(name))).toEqual([]);
    // The main entry point does, so the search finds them.
    expect([...packagesOf(join(dist, 'index.js'))]).toEqual(expect.arrayContaining(['typeorm']));
  });
});
