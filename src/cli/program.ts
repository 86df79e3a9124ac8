import { readFileSync } from 'node:fs';

import { Command, InvalidArgumentError } from 'commander';
import ms, { type StringValue } from 'ms';

import { backlog } from './commands/backlog.js';
import type { Work } from './commands/command.js';
import { deadLetters } from './commands/dead-letters.js';
import { flush } from './commands/flush.js';
import { reconcile } from './commands/reconcile.js';
import { redrive } from './commands/redrive.js';
import { verify } from './commands/verify.js';
import { ENVIRONMENT_HELP, type Needed } from './environment.js';

/** Runs a command's work on what it needs. */
export type Runner = <TOptions>(
  needed: Needed[],
  work: Work<TOptions>,
  options: TOptions & { json?: boolean },
) => Promise<void>;

const EXIT_CODES_HELP = `
Exit codes:
  0  all is well
  1  something is wrong: breaks, dead letters, a backlog too old, sessions that Redis had lost
  2  the command line, the environment or the tables are not right
  3  Redis or Postgres can't be reached, or went away; nothing is lost, run it again
  4  a fault of this program`;

/** The command line: what can be said, and what is run then. */
export function buildProgram(run: Runner): Command {
  const program = new Command('session-ledger')
    .description('Looks after the audit trail of nest-session-ledger.')
    .version(version())
    .addHelpText('after', `${ENVIRONMENT_HELP}\n${EXIT_CODES_HELP}`);

  const add = <TOptions>(
    name: string,
    description: string,
    needed: Needed[],
    work: Work<TOptions>,
  ) =>
    program
      .command(name)
      .description(description)
      .option('--json', 'print one JSON document instead of text')
      .allowExcessArguments(false)
      .action((options: TOptions & { json?: boolean }) => run(needed, work, options));

  add('verify', 'verify the ledger: no row changed, removed or put in', ['postgres'], verify)
    .option('--chain <number>', 'only this chain', wholeNumber(-32_768, 32_767))
    .option('--from <seq>', 'only from this seq on', seq)
    .option('--to <seq>', 'only up to this seq', seq);
  add('backlog', 'show what waits in Redis to be recorded', ['redis'], backlog)
    .option('--max-age <duration>', 'how long an event may wait, such as 30s', duration, ms('1m'))
    .option('--max-events <number>', 'how many events may wait', wholeNumber(0, 2 ** 40));
  add('dead-letters', 'list the events that Postgres refused', ['postgres'], deadLetters)
    .option('--limit <number>', 'how many to list', wholeNumber(1, 10_000), 100)
    .option('--after <id>', 'those after this one', id);
  add('redrive', 'record the dead letters whose cause is gone', ['postgres'], redrive);
  add('flush', 'record now all that waits in Redis', ['redis', 'postgres'], flush);
  add(
    'reconcile',
    'end in Postgres what Redis has lost, and in Redis what is over',
    ['redis', 'postgres'],
    reconcile,
  );
  return program;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^-?\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`Use a whole number from ${min} to ${max}.`);
  };
}

function seq(text: string): bigint {
  if (/^[1-9]\d{0,18}$/.test(text) && BigInt(text) < 2n ** 63n) return BigInt(text);
  throw new InvalidArgumentError('Use a whole number from 1 on.');
}

function id(text: string): string {
  if (/^\d{1,18}$/.test(text)) return text;
  throw new InvalidArgumentError('Use the id of a dead letter.');
}

function duration(text: string): number {
  const value = text.length <= 100 ? ms(text as StringValue) : undefined;
  if (value !== undefined && value >= 0) return value;
  throw new InvalidArgumentError('Use text such as 30s, 5m or 2h.');
}
