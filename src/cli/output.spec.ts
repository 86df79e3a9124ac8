import { describe, expect, it } from '@jest/globals';

import { count, Output, table, visible } from './output.js';

function outputTo(isTTY: boolean) {
  let written = '';
  const stream = { isTTY, write: (text: string) => (written += text) };
  return {
    output: new Output({ stdout: stream, stderr: stream }, false),
    written: () => written,
    /** The line that the terminal shows: the text since it was last cleared. */
    line: () => written.split('\r\x1b[K').at(-1),
  };
}

/** Work that ends once what is left has been counted down to 0. */
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

describe('withProgress', () => {
  it('shows the current state on one line', async () => {
    const { output, line } = outputTo(true);

    await output.withProgress('Verifying rows', async (report) => {
      report(0, 3_000);
      expect(line()).toBe('Verifying rows: 0% (0 of 3,000)');
      report(2_999, 3_000);
      expect(line()).toBe('Verifying rows: 99% (2,999 of 3,000)');
      report(3_000, 3_000);
      expect(line()).toBe('Verifying rows: 100% (3,000 of 3,000)');
    });

    expect(line()).toBe('');
  });

  it('clears the line if the work fails', async () => {
    const { output, line } = outputTo(true);

    const failing = output.withProgress('Verifying rows', async (report) => {
      report(1, 2);
      throw new Error('Postgres is gone');
    });

    await expect(failing).rejects.toThrow('Postgres is gone');
    expect(line()).toBe('');
  });

  it('ignores a report that arrives after the work has ended', async () => {
    const { output, line } = outputTo(true);
    let late = (_done: number, _total: number) => {};

    await output.withProgress('Verifying rows', async (report) => {
      late = report;
    });
    late(1, 2);

    expect(line()).toBe('');
  });

  it('shows nothing while the total is unknown', async () => {
    const { output, line } = outputTo(true);

    await output.withProgress('Verifying rows', async (report) => {
      report(0, 0);
      expect(line()).toBe('');
    });
  });
});

describe('withCountdown', () => {
  it('counts what is left and shows what is done', async () => {
    const { output, written } = outputTo(true);
    const { work, countLeft } = countdown(3);

    expect(await output.withCountdown('Recording events', countLeft, work)).toBe('done');

    expect(written()).toMatch(/Recording events: 33% \(1 of 3\)/);
  });

  it('counts and shows nothing if standard error is not a terminal', async () => {
    const { output, written } = outputTo(false);
    const countLeft = () => Promise.reject(new Error('not expected'));

    expect(await output.withCountdown('Recording events', countLeft, async () => 'done')).toBe(
      'done',
    );

    expect(written()).toBe('');
  });
});

describe('table', () => {
  it('pads the columns, without trailing spaces', () => {
    const rows = [
      ['ann', 3, 'short'],
      ['benedict', 12_345, 'longer'],
    ];

    expect(table(['name', 'count', 'note'], rows)).toBe(
      ['name      count  note', 'ann       3      short', 'benedict  12345  longer'].join('\n'),
    );
  });

  it('escapes control characters before it measures the columns', () => {
    expect(
      table(
        ['a', 'b'],
        [
          ['\n', 1],
          ['x', 2],
        ],
      ),
    ).toBe(['a       b', '\\u000a  1', 'x       2'].join('\n'));
  });

  it('has a head even if there are no rows', () => {
    expect(table(['id', 'reason'], [])).toBe('id  reason');
  });
});

describe('visible', () => {
  it('escapes characters that control a terminal', () => {
    expect(visible('a\x1b[31mb\u009bc\u202ed\ne é 漢')).toBe(
      'a\\u001b[31mb\\u009bc\\u202ed\\u000ae é 漢',
    );
  });
});

describe('count', () => {
  it.each([
    [0, '0 events'],
    [1, '1 event'],
    ['1', '1 event'],
    [12_345, '12,345 events'],
  ])('%p events are "%s"', (number, text) => {
    expect(count(number, 'event')).toBe(text);
  });
});
