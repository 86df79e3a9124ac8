import { Writable } from 'node:stream';

import { describe, expect, it } from '@jest/globals';

import { Output, table, visible } from './output.js';

function terminal(isTTY: boolean) {
  let written = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written += String(chunk);
      done();
    },
  });
  const nothing = () => true;
  const stderr = Object.assign(stream, {
    isTTY,
    columns: 100,
    cursorTo: nothing,
    clearLine: nothing,
    moveCursor: nothing,
  });
  return { stderr, written: () => written };
}

/** Work that is over once what is left of it has been counted down. */
function countdown(from: number) {
  let left = from;
  let finish: () => void;
  const work = new Promise<string>((resolve) => (finish = () => resolve('done')));
  const countLeft = async () => {
    if (left === 0) finish();
    return left-- > 0 ? left + 1 : 0;
  };
  return { work: () => work, countLeft };
}

describe('progress', () => {
  it('counts down what is left, on a terminal', async () => {
    const { stderr, written } = terminal(true);
    const output = new Output({ stdout: stderr, stderr }, false);
    const { work, countLeft } = countdown(3);

    expect(await output.withCountdown('Recording', countLeft, work)).toBe('done');

    expect(written()).toContain('Recording');
    expect(written()).toMatch(/[12] of 3/);
  });

  it('counts and shows nothing elsewhere', async () => {
    const { stderr, written } = terminal(false);
    const output = new Output({ stdout: stderr, stderr }, false);
    const countLeft = () => Promise.reject(new Error('not asked'));

    expect(await output.withCountdown('Recording', countLeft, async () => 'done')).toBe('done');

    expect(written()).toBe('');
  });

  it('takes itself away when the work fails', async () => {
    const { stderr } = terminal(true);
    const output = new Output({ stdout: stderr, stderr }, false);

    const failing = output.withProgress('Verifying', async (report) => {
      report(1, 2);
      throw new Error('Postgres went away');
    });

    // A bar that is left behind would keep the process alive.
    await expect(failing).rejects.toThrow('Postgres went away');
  });
});

describe('what is shown', () => {
  it('has no characters that steer a terminal', () => {
    expect(visible('a\x1b[31mb\u009bc\u202ed\ne é 漢')).toBe(
      'a\\u001b[31mb\\u009bc\\u202ed\\u000ae é 漢',
    );
  });

  it('is a table without colours', () => {
    expect(table(['name', 'count'], [['ann', 3]])).toBe(
      [
        '┌──────┬───────┐',
        '│ name │ count │',
        '├──────┼───────┤',
        '│ ann  │ 3     │',
        '└──────┴───────┘',
      ].join('\n'),
    );
  });
});
