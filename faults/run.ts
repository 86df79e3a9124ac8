import { parseArguments, USAGE } from './arguments.js';
import { runCampaign, type CampaignOptions } from './campaign.js';
import { showProgress } from './progress.js';
import { heading, report } from './report.js';

// Crashes, cuts and clocks gone wrong, and whether every promise was kept. See docs/reliability.md.

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
// What still listens on a link that was frozen must not keep this process.
process.exit(outcome.breaches.length > 0 ? 1 : 0);
