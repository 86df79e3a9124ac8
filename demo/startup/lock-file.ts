import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { addressOf, DATA_FOLDER, type Environment } from './environment.js';
import { isPortInUse } from './free-port.js';
import { StartError } from './start-error.js';

const LOCK_FILE = join(DATA_FOLDER, 'running.json');

/** The process that uses the data folder. */
interface Lock {
  pid: number;
  host: string;
  port: number;
}

/**
 * Fails if another demo runs on the same data folder, and says where. With both servers given, a
 * demo doesn't use the folder, and any number of them can run.
 */
export async function requireUnlocked(environment: Environment): Promise<void> {
  if (!usesDataFolder(environment)) return;
  const other = await readLock();
  // A killed process leaves its lock behind, and its PID may belong to another program by now. So
  // the lock counts only if its port is in use as well.
  if (!other || !isRunning(other.pid) || !(await isPortInUse(other.port, other.host))) return;
  throw new StartError(
    `The demo is already running at ${addressOf(other)} (process ${other.pid}). Stop it with Ctrl-C first.`,
  );
}

export async function lock(environment: Environment): Promise<void> {
  if (!usesDataFolder(environment)) return;
  const { host, port } = environment;
  const own: Lock = { pid: process.pid, host, port };
  await writeFile(LOCK_FILE, JSON.stringify(own));
}

export async function unlock(): Promise<void> {
  const current = await readLock();
  if (current?.pid === process.pid) await rm(LOCK_FILE, { force: true });
}

function usesDataFolder({ redisUrl, databaseUrl }: Environment): boolean {
  return !redisUrl || !databaseUrl;
}

async function readLock(): Promise<Lock | undefined> {
  try {
    return JSON.parse(await readFile(LOCK_FILE, 'utf8')) as Lock;
  } catch {
    return undefined; // there is none, or a killed process wrote half of it
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
