import { parseArguments, USAGE } from './arguments.js';
import { runCampaign, type CampaignOptions, type Fault, type Progress } from './campaign.js';
import { heading, report } from './report.js';

// Injects faults into an application under traffic, and checks that every guarantee holds. See
// docs/reliability.md.

let options: CampaignOptions;
try {
  options = parseArguments(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exit(2);
}
console.log(`seed ${options.seed}`);
const outcome = await runCampaign(options, showProgress(options.faults));
console.log(`${heading(outcome)}\n${report(outcome)}`);
// Sockets of frozen links may still be open, and must not keep this process alive.
process.exit(outcome.violations.length > 0 ? 1 : 0);

/** On a terminal, one line that is overwritten; elsewhere, one line for each check. */
function showProgress(goal: number): Progress {
  const isTerminal = process.stderr.isTTY;
  let last = '';
  return {
    injected(faults: Fault[], acknowledged: number) {
      const { kind } = faults.at(-1)!;
      last = `${faults.length}/${goal} faults, ${acknowledged} acknowledged calls, last: ${kind}`;
      if (isTerminal) process.stderr.write(`\r\x1b[K${last}`);
    },
    checked: () => process.stderr.write(isTerminal ? '\n' : `${last}; checked\n`),
  };
}
