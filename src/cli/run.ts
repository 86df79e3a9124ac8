import { readFileSync } from 'node:fs';

import { parseCommandLine } from './command-line.js';
import { deadLetters, redrive } from './commands/dead-letters.js';
import { grants } from './commands/grants.js';
import { adopt, incidents } from './commands/incidents.js';
import { backlog, flush } from './commands/outbox.js';
import { reconcile } from './commands/reconcile.js';
import { migrate, revert, status } from './commands/tables.js';
import { verify } from './commands/verify.js';
import { readConfig } from './config-file.js';
import { readEnvironment } from './environment.js';
import { describeFailure, EXIT, type ExitCode } from './failure.js';
import { openLedger } from './open-ledger.js';
import { Output, visible, type Streams } from './output.js';

/** Streams and environment of the program. `process` fits; tests pass their own. */
export interface Surroundings extends Streams {
  env: NodeJS.ProcessEnv;
}

const COMMANDS = [
  migrate,
  revert,
  status,
  grants,
  verify,
  backlog,
  deadLetters,
  redrive,
  flush,
  reconcile,
  incidents,
  adopt,
];

/**
 * Runs the command line and returns the exit code. All connections are closed when it returns.
 *
 * @param args without the program's own name
 */
export async function run(args: string[], surroundings: Surroundings): Promise<ExitCode> {
  try {
    return await runCommand(args, surroundings);
  } catch (error) {
    const { code, message } = describeFailure(error, surroundings.env);
    surroundings.stderr.write(`${visible(message)}\n`);
    return code;
  }
}

async function runCommand(args: string[], surroundings: Surroundings): Promise<ExitCode> {
  const invocation = parseCommandLine(args, COMMANDS, version());
  if ('text' in invocation) {
    const { text, code } = invocation;
    surroundings[code === EXIT.OK ? 'stdout' : 'stderr'].write(`${text}\n`);
    return code;
  }
  const { requires, json, config, variables, work } = invocation;
  const env = { ...readConfig(config), ...withoutEmpty(surroundings.env), ...variables };
  const ledger = await openLedger(readEnvironment(env, requires));
  try {
    return (await work(ledger, new Output(surroundings, json))) ? EXIT.OK : EXIT.FINDINGS;
  } finally {
    await ledger.close();
  }
}

/** An empty variable counts as not set, so it must not hide the one of the file. */
function withoutEmpty(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, text]) => text));
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
