import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { parseArguments, USAGE } from './harness/arguments.js';
import { svg } from './harness/chart.js';
import { sayLast } from './harness/progress.js';
import type { Row } from './harness/row.js';
import { withServers } from './harness/servers.js';
import { table } from './harness/table.js';
import { scenarios } from './scenarios/index.js';

const parsed = readArguments();
if (parsed) await run(parsed);

function readArguments() {
  try {
    const parsedArguments = parseArguments(process.argv.slice(2));
    const known = scenarios.flatMap((scenario) => scenario.rows);
    const unknown = parsedArguments.only.find((name) => !known.includes(name));
    if (unknown) throw new TypeError(`there is no row ${unknown}; there are ${known.join(', ')}`);
    return parsedArguments;
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exitCode = 2;
    return null;
  }
}

async function run({
  only,
  json,
  charts,
  effort,
}: ReturnType<typeof parseArguments>): Promise<void> {
  const isWanted = (name: string) => only.length === 0 || only.includes(name);
  const rows: Row[] = [];
  const start = performance.now();
  for (const scenario of scenarios.filter((each) => each.rows.some(isWanted))) {
    const measured = await withServers(scenario.postgres ?? {}, (place) =>
      scenario.run(place, effort),
    );
    rows.push(...measured.filter((row) => isWanted(row.name)));
    // At once: a scenario that fails later must not take these with it.
    if (json) await write(json, `${JSON.stringify({ rows }, null, 2)}\n`);
    if (charts) {
      const chart = scenario.chart(measured);
      await write(join(charts, `${chart.name}.svg`), svg(chart));
    }
  }
  sayLast(`Measured in ${((performance.now() - start) / 1_000).toFixed(0)} s.`);
  console.log(table(rows));
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
