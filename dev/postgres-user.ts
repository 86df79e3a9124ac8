import { spawnSync } from 'node:child_process';

export interface PostgresUser {
  uid: number;
  gid: number;
}

const NOBODY = 65_534;

/**
 * The user that runs Postgres, if it isn't the current one. Postgres doesn't run as root, so root's
 * servers run as `nobody`, a user that every system has.
 */
export function postgresUser(): PostgresUser | undefined {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : undefined;
}

/** Whether that user can reach this file through all folders above it, and execute it. */
export function reachable(path: string, user: PostgresUser | undefined): boolean {
  return spawnSync('test', ['-x', path], { cwd: '/', ...user }).status === 0;
}
