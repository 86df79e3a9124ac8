import { parseArgs } from 'node:util';

import type { CampaignOptions } from './campaign.js';

export const USAGE = `npm run faults -- [--faults N] [--seed N] [--only KIND[,KIND]] [--cluster]`;

/** What the command line asks for. Without a seed, one is drawn; it is printed in any case. */
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
