import { readFileSync } from 'node:fs';

/** The process IDs of servers that were killed before this run may have been given out again. */
const startedAt = Math.floor(Date.now() / 1_000 - performance.now() / 1_000);

/** The System V shared memory segments that these processes created. Linux only. */
export function sharedMemoryOf(pids: number[]): string[] {
  if (process.platform !== 'linux') return [];
  const [, ...lines] = readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n');
  return lines.filter((line) => {
    const columns = line.trim().split(/\s+/).map(Number);
    return pids.includes(columns[4]!) && columns[13]! >= startedAt;
  });
}
