import { readFileSync } from 'node:fs';

/** The System V shared memory segments that these processes created. Linux only. */
export function sharedMemoryOf(pids: number[]): string[] {
  if (process.platform !== 'linux') return [];
  const [, ...lines] = readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n');
  return lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[4])));
}
