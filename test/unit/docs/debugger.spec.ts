import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

const COMMAND = /^node (--inspect-brk .*)$/m;

describe('Debugging a test', () => {
  test('the command in CONTRIBUTING.md waits for a debugger before it runs the test', async () => {
    const [, args] = COMMAND.exec(readFileSync('CONTRIBUTING.md', 'utf8'))!;
    const words = args!.replaceAll("'", '').split(' ');
    // Any free port: the usual one may be in use.
    const child = spawn(process.execPath, ['--inspect-brk=127.0.0.1:0', ...words.slice(1)]);
    try {
      const [output] = (await once(child.stderr, 'data')) as [Buffer];
      expect(output.toString()).toContain('Debugger listening');
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
