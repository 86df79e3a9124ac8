import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';

// Each line on stdin is the whole list of processes to end. The pipe closes when the process that
// holds its other end is gone, however it went, and that is the moment to clean up. In a container
// whose first process doesn't reap orphans the dead stay in the table: hence the look at the state.
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
  while alive && [ $tries -lt 100 ]; do sleep 0.02; tries=$((tries + 1)); done
  kill -KILL $pids
fi
[ -z "$2" ] && exit
tries=0
until rm -rf "$2" || [ $tries -ge 50 ]; do sleep 0.1; tries=$((tries + 1)); done
`;

/**
 * A small shell that outlives this process: when this process ends, be it by SIGKILL, it ends the
 * server (orderly if it can, so that Postgres gives back its shared memory) and removes its folder.
 */
export class Watchdog {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(stopSignal: NodeJS.Signals, folderToRemove: string | undefined) {
    const args = ['-c', SCRIPT, 'watchdog', stopSignal.slice('SIG'.length), folderToRemove ?? ''];
    this.#shell = spawn('/bin/sh', args, {
      cwd: '/',
      detached: true, // Ctrl-C in the terminal is not for the watchdog
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#ended = once(this.#shell, 'exit');
    this.#ended.catch(() => {}); // whoever awaits close() hears of it
    this.#shell.stdin?.on('error', () => {});
    this.#shell.unref();
    if (this.#shell.stdin instanceof Socket) this.#shell.stdin.unref();
  }

  /** Names the processes to end; an empty list means that there is nothing to end now. */
  guard(pids: number[]): void {
    this.#shell.stdin?.write(`${pids.join(' ')}\n`);
  }

  /** Has it do its work now. */
  async close(): Promise<void> {
    this.#shell.ref();
    this.#shell.stdin?.end();
    await this.#ended;
  }
}
