import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { parseArguments, USAGE } from './harness/arguments.js';
import { svg } from './harness/chart.js';
import type { Row } from './harness/row.js';
import { withServers } from './harness/servers.js';
import { finishProgress, table } from './harness/terminal.js';
import { scenarios } from './scenarios/index.js';

const parsed = readArguments();
if (parsed) await run(parsed);

function readArguments() {
  try {
    const parsedArguments = parseArguments(process.argv.slice(2));
    const known = scenarios.flatMap((scenario) => scenario.rows);
    const unknown = parsedArguments.only.find((name) => !known.includes(name));
    if (unknown)
      throw new TypeError(`There is no row '${unknown}'. The rows are ${known.join(', ')}.`);
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
    const measured = await withServers(scenario.postgres ?? {}, (servers) =>
      scenario.run(servers, effort),
    );
    rows.push(...measured.filter((row) => isWanted(row.name)));
    // Written after each scenario, so that a later failure doesn't lose these figures.
    if (json) await write(json, `${JSON.stringify({ rows }, null, 2)}\n`);
    if (charts) {
      const chart = scenario.chart(measured);
      await write(join(charts, `${chart.name}.svg`), svg(chart));
    }
  }
  finishProgress(`Measured in ${((performance.now() - start) / 1_000).toFixed(0)} s.`);
  console.log(table(rows));
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
