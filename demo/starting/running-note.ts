import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { DATA_FOLDER } from './data-folder.js';
import { addressOf, type Environment } from './environment.js';
import { isTaken } from './free-port.js';
import { StartError } from './start-error.js';

/** Says which process uses the data in the folder, so that a second start can tell where. */
const NOTE = join(DATA_FOLDER, 'running.json');

interface Note {
  pid: number;
  host: string;
  port: number;
}

/** Two demos can't share their data. Those that bring their own servers can. */
export async function requireNotRunning(environment: Environment): Promise<void> {
  if (!usesData(environment)) return;
  const note = await readNote();
  // The note of a process that was killed stays, and its number may be another's by now.
  if (!note || !isRunning(note.pid) || !(await isTaken(note.port, note.host))) return;
  throw new StartError(
    `The demo already runs at ${addressOf(note)} (process ${note.pid}). Stop it with Ctrl-C there first.`,
  );
}

export async function noteRunning(environment: Environment): Promise<void> {
  if (!usesData(environment)) return;
  const { host, port } = environment;
  const note: Note = { pid: process.pid, host, port };
  await writeFile(NOTE, JSON.stringify(note));
}

export async function forgetRunning(): Promise<void> {
  const note = await readNote();
  if (note?.pid === process.pid) await rm(NOTE, { force: true });
}

function usesData({ redisUrl, databaseUrl }: Environment): boolean {
  return !redisUrl || !databaseUrl;
}

async function readNote(): Promise<Note | undefined> {
  try {
    return JSON.parse(await readFile(NOTE, 'utf8')) as Note;
  } catch {
    return undefined;
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
