import { parseArgs } from 'node:util';

import type { Effort } from './scenario.js';

export interface Arguments {
  /** Rows to measure. Empty: all. */
  only: string[];
  json: string | undefined;
  charts: string | undefined;
  effort: Effort;
}

const FULL = { quick: false, rounds: 9, roundMs: 1_000 };
const QUICK = { quick: true, rounds: 2, roundMs: 50 };

export const USAGE = `npm run bench -- [--only NAME]... [--json FILE] [--charts FOLDER] [--rounds N] [--quick]
  --only NAME      measure only this row of the table; can be repeated
  --json FILE      write the figures to this file
  --charts FOLDER  write the charts to this folder, as SVG
  --rounds N       rounds per contender (default ${FULL.rounds})
  --quick          a tiny run that only shows that everything works; its figures mean nothing`;

/** @throws TypeError for an unknown or invalid argument */
export function parseArguments(args: string[]): Arguments {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      charts: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const effort = values.quick ? QUICK : FULL;
  const rounds = Number(values.rounds ?? effort.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new TypeError(`--rounds is '${values.rounds}': use a whole number from 1.`);
  }
  return { ...values, json: values.json, charts: values.charts, effort: { ...effort, rounds } };
}
