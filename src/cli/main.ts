#!/usr/bin/env node
import { run } from './run.js';

/** How long what is left of connections may keep the process, ms. */
const LINGER = 1_000;

// `ledger verify | head` has read enough: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await run(process.argv.slice(2), process);
// By then nothing should be left to wait for; should there be, the operator doesn't wait.
setTimeout(() => process.exit(), LINGER).unref();
