import { parseArgs } from 'node:util';

import type { CampaignOptions } from './campaign.js';

export const USAGE = `npm run faults -- [--faults N] [--seed N] [--only KIND[,KIND]] [--cluster]
  --faults N     inject so many faults (default 100)
  --seed N       repeat the campaign of this seed (default: a random one, which is printed)
  --only KIND    inject only faults of this kind; can be repeated, or be a list with commas
  --cluster      use a Redis Cluster instead of a single Redis`;

/** Reads the command line. The default seed is random; `run.ts` prints it. */
export function parseArguments(args: string[]): CampaignOptions {
  const { values } = parseArgs({
    args,
    options: {
      faults: { type: 'string', default: '100' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      only: { type: 'string', multiple: true, default: [] },
      cluster: { type: 'boolean', default: false },
    },
  });
  return {
    faults: wholeNumber('faults', values.faults, 1),
    seed: wholeNumber('seed', values.seed, 0),
    only: values.only.flatMap((names) => names.split(',')),
    isCluster: values.cluster,
  };
}

function wholeNumber(name: string, text: string, lowest: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= lowest) return number;
  throw new Error(`--${name} is ${JSON.stringify(text)}; use a whole number from ${lowest}.`);
}
