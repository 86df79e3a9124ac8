import { spawnSync } from 'node:child_process';

export interface PostgresUser {
  uid: number;
  gid: number;
}

const NOBODY = 65_534;

/**
 * Postgres refuses to run as root. Root's servers run as `nobody`, which every system has; others'
 * run as the user themselves.
 */
export function postgresUser(): PostgresUser | undefined {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : undefined;
}

/** Whether that user gets to this file, through all the folders above it. */
export function reachable(path: string, user: PostgresUser | undefined): boolean {
  return spawnSync('test', ['-x', path], { cwd: '/', ...user }).status === 0;
}
