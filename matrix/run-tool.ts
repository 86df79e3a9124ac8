import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Limit for one command (ms): an installation without a cache takes a minute. */
const TIMEOUT = 300_000;

/**
 * Runs a command and returns its standard output.
 *
 * @throws Error with all its output, if it fails: compilers and npm report on standard output
 */
export async function runTool(
  command: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  try {
    const options = { cwd, timeout: TIMEOUT, env: { ...process.env, ...env }, maxBuffer: 1e8 };
    const { stdout } = await run(command, args, options);
    return stdout;
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`.trim(), { cause });
  }
}
