import { parseArgs } from 'node:util';

import { ENVIRONMENT_HELP, type Requirement } from './environment.js';
import { EXIT, UsageError, type ExitCode } from './failure.js';
import type { OpenLedger } from './open-ledger.js';
import type { Output } from './output.js';
import { wholeNumber } from '../option-rules.js';

/** Runs a command. Resolves to false if it found problems. */
export type Work = (ledger: OpenLedger, output: Output) => Promise<boolean>;

/** The options as the command line has them: `true` for a flag. */
type Texts = Record<string, string | true | undefined>;

export interface CommandOption<T> {
  /** Stands for the value in `--help`, such as `<number>`. Undefined: a flag, without a value. */
  value: string | undefined;
  description: string;
  /** Returns undefined for a text that is not acceptable. */
  parse(text: string): T | undefined;
  /** What to use instead of such a text, for the error message. */
  remedy: string;
  /** The environment variable that the option replaces. */
  variable?: string;
}

export interface Command {
  name: string;
  description: string;
  requires: Requirement[];
  options: Record<string, CommandOption<unknown>>;
  /** The option whose value may also stand alone after the command's name. */
  argument?: string;
  /** The work for these options, as the command line has them. */
  prepare(texts: Texts): Work;
}

/** The command line, checked: a text to print, or a command to run. */
export type Invocation =
  | { text: string; code: ExitCode }
  | {
      requires: Requirement[];
      json: boolean;
      /** Environment variables that options replace. */
      variables: NodeJS.ProcessEnv;
      /** Path of a file with more of them. */
      config: string | undefined;
      work: Work;
    };

const EXIT_CODES_HELP = `
Exit codes:
  0  success, no problems found
  1  problems found: broken chains, dead letters, an old backlog, lost sessions, pending migrations
  2  the command line, the environment or the tables need fixing
  3  Redis or Postgres is unavailable; no data was lost, retry later
  4  internal error`;

const FLAGS = {
  config: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export function wholeNumberOption(
  min: number,
  max: number,
  description: string,
): CommandOption<number> {
  const { accepts, remedy } = wholeNumber(min, max);
  return {
    value: '<number>',
    description,
    parse: (text) => {
      const number = /^-?\d+$/.test(text) ? Number(text) : undefined;
      return accepts(number) ? number : undefined;
    },
    remedy,
  };
}

/** An option without a value. */
export function flagOption(description: string): CommandOption<boolean> {
  return { value: undefined, description, parse: () => true, remedy: 'use it without a value' };
}

/** Defines a command whose options have the types of `TValues`. Every option can be omitted. */
export function defineCommand<TValues extends object>(definition: {
  name: string;
  description: string;
  requires: Requirement[];
  argument?: keyof TValues & string;
  options: { [Name in keyof TValues]-?: CommandOption<TValues[Name]> };
  run(ledger: OpenLedger, output: Output, values: Partial<TValues>): Promise<boolean>;
}): Command {
  const { run, ...command } = definition;
  const options = Object.entries<CommandOption<unknown>>(definition.options);
  return {
    ...command,
    prepare(texts) {
      const values = options.map(([name, option]) => [name, valueOf(name, option, texts[name])]);
      return (ledger, output) =>
        run(ledger, output, Object.fromEntries(values) as Partial<TValues>);
    },
  };
}

/**
 * Parses the command line.
 *
 * @param args without the program's own name
 * @throws UsageError
 */
export function parseCommandLine(args: string[], commands: Command[], version: string): Invocation {
  const [name = '', ...rest] = args;
  if (name === '') return { text: programHelp(commands), code: EXIT.USAGE };
  if (['--help', '-h'].includes(name)) return { text: programHelp(commands), code: EXIT.OK };
  if (['--version', '-V'].includes(name)) return { text: version, code: EXIT.OK };
  const command = commands.find((each) => each.name === name);
  if (!command) {
    const names = commands.map((each) => each.name).join(', ');
    throw new UsageError(`Unknown command '${name}'; use ${names} or --help.`);
  }
  const { config, json = false, help, ...texts } = parseOptions(rest, command);
  if (help) return { text: commandHelp(command), code: EXIT.OK };
  const work = command.prepare(texts);
  return { requires: command.requires, json, config, variables: variablesOf(command, texts), work };
}

function parseOptions(given: string[], { name, options, argument }: Command) {
  const isAlone = argument && given[0] !== undefined && !given[0].startsWith('-');
  const args = isAlone ? [`--${argument}=${given[0]}`, ...given.slice(1)] : given;
  const texts = Object.fromEntries(
    Object.entries(options).map(([option, { value }]) => [option, { type: typeOf(value) }]),
  );
  try {
    const { values } = parseArgs({
      args: joinNegativeNumbers(args),
      options: { ...FLAGS, ...texts },
    });
    return values as { config?: string; json?: boolean; help?: boolean } & Texts;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. See session-ledger ${name} --help`);
  }
}

/** The environment variables that options of the command line replace. */
function variablesOf({ options }: Command, texts: Texts): NodeJS.ProcessEnv {
  const given = Object.entries(options).map(([name, { variable }]) => [variable, texts[name]]);
  return Object.fromEntries(given.filter(([variable, text]) => variable && text !== undefined));
}

/** `--chain -5` becomes `--chain=-5`: parseArgs would take `-5` for an option. */
function joinNegativeNumbers(args: string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const isValue = /^-\d+$/.test(arg) && /^--[a-z-]+$/.test(joined.at(-1) ?? '');
    joined.push(isValue ? `${joined.pop()}=${arg}` : arg);
  }
  return joined;
}

function typeOf(value: string | undefined): 'string' | 'boolean' {
  return value === undefined ? 'boolean' : 'string';
}

function valueOf<T>(name: string, option: CommandOption<T>, text: Texts[string]) {
  if (text === undefined) return undefined;
  if (typeof text === 'boolean') return text;
  const value = option.parse(text);
  if (value !== undefined) return value;
  throw new UsageError(`--${name} is ${JSON.stringify(text)}; ${option.remedy}.`);
}

function programHelp(commands: Command[]): string {
  return `Usage: session-ledger <command> [options]

Creates, inspects and maintains the audit ledger of nest-session-ledger.

Commands:
${helpLines(commands.map(({ name, description }) => [name, description]))}

Options:
${helpLines([
  ['-h, --help', 'print this help; after a command, the help of that command'],
  ['-V, --version', 'print the version'],
])}
${ENVIRONMENT_HELP}
${EXIT_CODES_HELP}`;
}

function commandHelp({ name, description, options }: Command): string {
  const own = Object.entries(options).map(([option, { value, description: text }]) => [
    value === undefined ? `--${option}` : `--${option} ${value}`,
    text,
  ]);
  return `Usage: session-ledger ${name} [options]

${description[0]!.toUpperCase()}${description.slice(1)}.

Options:
${helpLines([...own, ...COMMON_OPTIONS])}`;
}

const COMMON_OPTIONS = [
  [
    '--config <file>',
    'JSON with schema, userId, prefix and buckets, as in the options of the module',
  ],
  ['--json', 'print one JSON document instead of text'],
  ['-h, --help', 'print this help'],
];

function helpLines(lines: string[][]): string {
  const width = Math.max(...lines.map(([term]) => term!.length));
  return lines.map(([term, text]) => `  ${term!.padEnd(width)}  ${text}`).join('\n');
}
