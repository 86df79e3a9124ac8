import type { Methods } from '../../dev/child-calls.js';
import { startProgram, type Child } from '../../dev/child-process.js';
import type { ServerUrls } from './contender.js';

/** Far longer than the longest call, which fills Redis with a million sessions (ms). */
const CALL_TIMEOUT = 3_600_000;

/**
 * Starts the contender of `contenders/NAME.ts` in a separate process, so that no other contender's
 * garbage or compiled code affects its figures. Resolves when it is ready; `stop()` ends it.
 */
export async function spawn<T extends Methods<T>>(
  name: string,
  servers: ServerUrls,
): Promise<Child<T>> {
  const child = startProgram<T>(new URL('./contender-process.js', import.meta.url), {
    args: [name, JSON.stringify(servers)],
    nodeOptions: profileOptions(name),
    output: 'inherit',
    timeout: CALL_TIMEOUT,
  });
  await child.ready();
  return child;
}

/** `BENCH_PROFILE=validate-ours` writes a CPU profile of that contender to the current folder. */
function profileOptions(name: string): string[] {
  if (process.env.BENCH_PROFILE !== name) return [];
  return ['--cpu-prof', `--cpu-prof-name=${name}.cpuprofile`];
}
