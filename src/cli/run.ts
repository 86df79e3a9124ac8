import { readFileSync } from 'node:fs';

import { parseCommandLine } from './command-line.js';
import { deadLetters, redrive } from './commands/dead-letters.js';
import { adopt, incidents } from './commands/incidents.js';
import { backlog, flush } from './commands/outbox.js';
import { reconcile } from './commands/reconcile.js';
import { verify } from './commands/verify.js';
import { readEnvironment } from './environment.js';
import { describeFailure, EXIT, type ExitCode } from './failure.js';
import { openLedger } from './open-ledger.js';
import { Output, visible, type Streams } from './output.js';

/** Streams and environment of the program. `process` fits; tests pass their own. */
export interface Surroundings extends Streams {
  env: NodeJS.ProcessEnv;
}

const COMMANDS = [verify, backlog, deadLetters, redrive, flush, reconcile, incidents, adopt];

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
  const { requires, json, work } = invocation;
  const ledger = await openLedger(readEnvironment(surroundings.env, requires));
  try {
    return (await work(ledger, new Output(surroundings, json))) ? EXIT.OK : EXIT.FINDINGS;
  } finally {
    await ledger.close();
  }
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
