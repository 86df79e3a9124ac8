#!/usr/bin/env node
import { loadEnvFile } from 'node:process';

import { Logger } from '@nestjs/common';

import { run } from './run.js';

/** How long open connections may delay the exit (ms). */
const EXIT_DELAY = 1_000;

// The reader may close the pipe early, as in `session-ledger verify | head`. That isn't an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

loadVariables();
// The commands report incidents themselves, and with --json standard output is nothing but JSON.
Logger.overrideLogger(false);
process.exitCode = await run(process.argv.slice(2), process);
// Nothing should keep the process alive at this point. If something does, don't wait for it.
setTimeout(() => process.exit(), EXIT_DELAY).unref();

/** Reads `.env`, as the application's own tools do. Variables that are set are kept. */
function loadVariables(): void {
  try {
    loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
