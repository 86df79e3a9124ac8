import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';

// Each line on stdin is the complete list of processes to end. The pipe closes when the process at its
// other end is gone, however it ended. Then this script cleans up. In a container whose first process
// doesn't reap orphans, dead processes stay in the process table, so `alive` checks their state.
const SCRIPT = `
alive() {
  for pid in $pids; do
    kill -0 $pid && ! grep -qs '^State:.*[ZX] (' /proc/$pid/status && return 0
  done
  return 1
}
while read -r line; do pids=$line; done
if [ -n "$pids" ]; then
  kill -CONT $pids; kill -$1 $pids
  tries=0
  while alive && [ $tries -lt 500 ]; do sleep 0.02; tries=$((tries + 1)); done
  kill -KILL $pids
fi
[ -z "$2" ] && exit
tries=0
until rm -rf "$2" || [ $tries -ge 50 ]; do sleep 0.1; tries=$((tries + 1)); done
`;

/**
 * A small shell that outlives this process. When this process ends, even by SIGKILL, the shell ends the
 * processes it guards and removes a folder. It sends the stop signal first, so that Postgres can release
 * its shared memory, and SIGKILL ten seconds later: on a busy machine, two were too few.
 */
export class Watchdog {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(stopSignal: NodeJS.Signals, folderToRemove: string | undefined) {
    const args = ['-c', SCRIPT, 'watchdog', stopSignal.slice('SIG'.length), folderToRemove ?? ''];
    this.#shell = spawn('/bin/sh', args, {
      cwd: '/',
      detached: true, // Ctrl-C in the terminal must not end the watchdog
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#ended = once(this.#shell, 'exit');
    this.#ended.catch(() => {}); // close() reports it
    this.#shell.stdin?.on('error', () => {});
    this.#shell.unref();
    if (this.#shell.stdin instanceof Socket) this.#shell.stdin.unref();
  }

  /** Sets the processes to end; an empty list if there are none. A negative ID is a process group. */
  guard(pids: number[]): void {
    this.#shell.stdin?.write(`${pids.join(' ')}\n`);
  }

  /** Cleans up now, and resolves when that is done. */
  async close(): Promise<void> {
    this.#shell.ref();
    this.#shell.stdin?.end();
    await this.#ended;
  }
}
