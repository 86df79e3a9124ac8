import { CommanderError } from 'commander';

import { readEnvironment } from './environment.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { describeFailure } from './failure.js';
import { openLedger } from './open-ledger.js';
import { Output, visible, type Streams } from './output.js';
import { buildProgram, type Runner } from './program.js';

/** Where a command runs. `process` is one. */
export interface Surroundings extends Streams {
  env: NodeJS.ProcessEnv;
}

/**
 * Runs the command line, and returns how it ended. When it returns, everything it opened is closed.
 *
 * @param args without the program's own name
 */
export async function run(args: string[], surroundings: Surroundings): Promise<ExitCode> {
  const { env, stdout, stderr } = surroundings;
  let code: ExitCode = EXIT.OK;
  const runner: Runner = async (needed, work, options) => {
    const ledger = await openLedger(readEnvironment(env, needed));
    try {
      const output = new Output(surroundings, options.json ?? false);
      code = (await work(ledger, output, options)) ? EXIT.OK : EXIT.FINDINGS;
    } finally {
      await ledger.close();
    }
  };
  const program = buildProgram(runner);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    const failure = describeFailure(error, env);
    stderr.write(`${visible(failure.message)}\n`);
    return failure.code;
  }
}
