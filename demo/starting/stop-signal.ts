/**
 * npm passes Ctrl-C on to a process that had it from the terminal already, so one keystroke comes
 * twice. Only what comes later than this, in ms, is a second keystroke.
 */
const SAME_KEYSTROKE = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Stops everything at Ctrl-C, at once and without care at a second one. */
export function onStopSignal(stop: () => Promise<void>): void {
  let since: number | undefined;
  const react = () => {
    if (since === undefined) {
      since = performance.now();
      void stopInOrder(stop);
    } else if (performance.now() - since > SAME_KEYSTROKE) {
      process.exit(130); // the servers' watchdogs see to the rest
    }
  };
  for (const signal of SIGNALS) process.removeAllListeners(signal).on(signal, react);
}

async function stopInOrder(stop: () => Promise<void>): Promise<void> {
  console.log('\nStopping …');
  try {
    await stop();
    console.log('Stopped. The data stays for the next start.');
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
