import { describe, expect, it } from '@jest/globals';

import { defineCommand, parseCommandLine, wholeNumberOption } from './command-line.js';
import { UsageError } from './failure.js';
import type { OpenLedger } from './open-ledger.js';
import { Output } from './output.js';

const seen: object[] = [];

const sweep = defineCommand<{ 'max-age': number; note: string }>({
  name: 'sweep',
  description: 'remove old things',
  requires: ['redis'],
  options: {
    'max-age': wholeNumberOption(1, 99, 'remove what is older'),
    note: {
      value: '<text>',
      description: 'a note',
      parse: (text) => (text === 'bad' ? undefined : text),
      remedy: 'use another note',
    },
  },
  async run(_ledger, _output, values) {
    seen.push(values);
    return true;
  },
});

const parse = (...args: string[]) => parseCommandLine(args, [sweep], '1.2.3');

/** The values that the command gets. */
async function valuesOf(...args: string[]) {
  const invocation = parse(...args);
  if ('text' in invocation) throw new Error(invocation.text);
  const stream = { write: () => true };
  await invocation.work({} as OpenLedger, new Output({ stdout: stream, stderr: stream }, false));
  return seen.pop();
}

describe('parseCommandLine', () => {
  it('takes a negative number for the value of an option, not for another option', () => {
    expect(() => parse('sweep', '--max-age', '-5')).toThrow(
      /--max-age is "-5"; use a whole number/,
    );
  });

  it('gives a command its parsed options', async () => {
    expect(await valuesOf('sweep', '--max-age', '12', '--note=a b')).toEqual({
      'max-age': 12,
      note: 'a b',
    });
    expect(await valuesOf('sweep')).toEqual({});
  });

  it('reads --json and the servers that the command requires', () => {
    expect(parse('sweep', '--json')).toMatchObject({ json: true, requires: ['redis'] });
    expect(parse('sweep')).toMatchObject({ json: false });
  });

  it.each([
    [['clean'], "Unknown command 'clean'; use sweep or --help."],
    [['sweep', '--max-age', '100'], '--max-age is "100"; use a whole number from 1 to 99.'],
    [['sweep', '--max-age', '1e1'], '--max-age is "1e1"; use a whole number from 1 to 99.'],
    [['sweep', '--max-age', ''], '--max-age is ""; use a whole number from 1 to 99.'],
    [['sweep', '--note', 'bad'], '--note is "bad"; use another note.'],
    [['sweep', '--note'], "Option '--note <value>' argument missing"],
    [['sweep', '--nope'], "Unknown option '--nope'"],
    [['sweep', 'up'], "Unexpected argument 'up'"],
  ])('rejects %j', (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });

  it('prints the help, and the version', () => {
    expect(parse('--help')).toEqual({ code: 0, text: expect.stringContaining('Commands:') });
    expect(parse('--version')).toEqual({ code: 0, text: '1.2.3' });
  });

  it('prints the help as an error if there is no command', () => {
    expect(parse()).toEqual({ code: 2, text: expect.stringContaining('Commands:') });
  });

  it('prints the help of a command', () => {
    expect(parse('sweep', '--help')).toEqual({
      code: 0,
      text: `Usage: session-ledger sweep [options]

Remove old things.

Options:
  --max-age <number>  remove what is older
  --note <text>       a note
  --config <file>     JSON with schema, userId, prefix and buckets, as in the options of the module
  --json              print one JSON document instead of text
  -h, --help          print this help`,
    });
  });
});
