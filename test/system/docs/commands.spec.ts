import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

const SHELL = /^```(?:sh|bash|shell)\n(.*?)^```/gms;

/** The test or script that runs each command of the docs. Add new commands here. */
const RUN_BY: [command: RegExp, place: string][] = [
  [/^npm ci && npm start$/, 'test/system/demo/npm-start.spec.ts'],
  [/^npm ci && npm test$/, '.ci/run'],
  [/^npm install nest-session-ledger /, 'test/system/package'],
  [/^(npx nest add|npm run start$|\. \.\/\.env$|curl )/, 'test/system/nest-add'],
  [/^npx session-ledger [a-z-]+/, 'test/integration/cli'],
  [/^npm run faults( |$)/, 'test/system/faults'],
  [/^npm run bench( |$)/, 'test/system/bench'],
  [/^node --inspect-brk /, 'test/unit/docs/debugger.spec.ts'],
  [/^node build\/bench\/(costs|failover|rollback)\.js( |$)/, 'test/system/bench'],
];

function documents(): string[] {
  const docs = readdirSync('docs').filter((file) => file.endsWith('.md'));
  return ['README.md', 'CONTRIBUTING.md', ...docs.map((file) => join('docs', file))];
}

function commandsOf(document: string): string[] {
  const blocks = [...readFileSync(document, 'utf8').matchAll(SHELL)];
  const lines = blocks.flatMap(([, block]) => block!.split('\n'));
  return lines.map((line) => line.replace(/\s+#.*$/, '').trim()).filter((line) => line !== '');
}

describe('The shell commands in the docs', () => {
  const commands = documents().flatMap((document) =>
    commandsOf(document).map((command) => ({ document, command })),
  );

  test.each(commands)('a test runs `$command` ($document)', ({ command }) => {
    const [, place] = RUN_BY.find(([pattern]) => pattern.test(command)) ?? [];
    expect(place).toBeDefined();
    expect(existsSync(place!)).toBe(true);
  });
});
