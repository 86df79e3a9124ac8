import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface ProcessRow {
  pid: number;
  parent: number;
  state: string;
}

/**
 * The child processes of `pid`, for example a Postgres server's backends. They create their own
 * process sessions, so a signal to the server's process group doesn't reach them.
 */
export function childrenOf(pid: number): number[] {
  return allProcesses()
    .filter((row) => row.parent === pid)
    .map((row) => row.pid);
}

/** Whether the process is running. A zombie, which has ended but has not been reaped yet, is not. */
export function isRunning(pid: number): boolean {
  const row = process.platform === 'linux' ? fromProc(pid) : fromPs().find((r) => r.pid === pid);
  return row !== undefined && !/^[ZX]/.test(row.state);
}

/** Signals a process, which may have ended in the meantime. A negative ID signals a process group. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function allProcesses(): ProcessRow[] {
  return process.platform === 'linux' ? allFromProc() : fromPs();
}

// Slim Linux images have no `ps`.
function allFromProc(): ProcessRow[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => fromProc(Number(name)) ?? []);
}

function fromProc(pid: number): ProcessRow | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // `pid (name) state parent …`; the name may contain spaces and parentheses.
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(parent), state };
  } catch {
    return undefined;
  }
}

function fromPs(): ProcessRow[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return lines
    .trim()
    .split('\n')
    .map((line) => {
      const [pid, parent, state = ''] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), state };
    });
}
