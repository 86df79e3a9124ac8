import type { Progress, Strike } from './campaign.js';

/** On a terminal one line that is written over; elsewhere a line for ten faults. */
export function showProgress(goal: number): Progress {
  const isTerminal = process.stderr.isTTY;
  const tell = (strikes: Strike[], acknowledged: number) =>
    `${strikes.length}/${goal} faults, ${acknowledged} acknowledged calls, last: ${strikes.at(-1)!.kind}`;
  let last = '';
  return {
    struck: (strikes, acknowledged) => {
      last = tell(strikes, acknowledged);
      if (isTerminal) process.stderr.write(`\r\x1b[K${last}`);
    },
    checked: () => process.stderr.write(isTerminal ? '\n' : `${last}; checked\n`),
  };
}
