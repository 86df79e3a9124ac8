/**
 * The terminal sends Ctrl-C to npm and to this process, and npm passes it on, so one keystroke
 * arrives twice. Signals within this time count as the same keystroke (ms).
 */
const SAME_KEYSTROKE = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Exits at the first signal. If private servers are running, their watchdogs stop them. */
export function exitOnSignal(): void {
  for (const signal of SIGNALS) process.once(signal, () => process.exit(130));
}

/** Replaces `exitOnSignal`: runs `stop` at the first Ctrl-C and exits at once at the second. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stoppingSince: number | undefined;
  const handle = () => {
    if (stoppingSince === undefined) {
      stoppingSince = performance.now();
      void stopAndExit(stop);
    } else if (performance.now() - stoppingSince > SAME_KEYSTROKE) {
      process.exit(130);
    }
  };
  for (const signal of SIGNALS) process.removeAllListeners(signal).on(signal, handle);
}

async function stopAndExit(stop: () => Promise<void>): Promise<void> {
  console.log('\nStopping…');
  try {
    await stop();
    console.log('Stopped. The data is kept for the next start.');
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
