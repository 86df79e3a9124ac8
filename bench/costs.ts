import { Client } from 'pg';

import { openApplication } from './contenders/application.js';
import { forEachOf } from './harness/closed-loop.js';
import type { ServerUrls } from './harness/contender.js';
import { clientOf, userIdOf } from './harness/sample-data.js';
import { redisInfo, withServers } from './harness/servers.js';

// Counts what each operation costs in Redis commands (including those that scripts run) and bytes, one
// call at a time, and what a session takes in Postgres. Nothing is timed, so the figures hardly depend
// on the machine.

const CALLS = Number(process.argv[2] ?? 2_000);
const HOUR = 3_600_000;

await withServers({}, async (servers) => {
  console.log(
    `${'operation'.padEnd(34)}${['commands', 'bytes to', 'bytes from'].map(right).join('')}`,
  );
  await countOperations(servers);
});
await withServers({}, countRows);

async function countOperations(servers: ServerUrls): Promise<void> {
  const { context, sessions, audit } = await openApplication(servers, false, { idleTimeout: HOUR });
  const ids: string[] = [];
  let user = 0;
  const create = async () => {
    user += 1;
    const session = { userId: userIdOf(user), client: clientOf(user) };
    ids.push((await sessions.createSession(session)).id);
  };
  const id = (turn: number) => ids[turn]!;
  const operations: [string, (turn: number) => Promise<unknown>][] = [
    ['createSession', create],
    ['validateSession', (turn) => sessions.validateSession(id(turn))],
    ['updateSessionData', (turn) => sessions.updateSessionData(id(turn), { turn })],
    ['listUserSessions, of one', (turn) => sessions.listUserSessions(userIdOf(turn + 1))],
    [
      'rotateSession',
      async (turn) => {
        ids[turn] = (await sessions.rotateSession(id(turn))).id;
      },
    ],
    ['destroySession', (turn) => sessions.destroySession(id(turn))],
  ];
  await create();
  ids.length = 0;
  user = 0;
  for (const [name, operation] of operations) {
    const before = await traffic(servers);
    for (let turn = 0; turn < CALLS; turn += 1) await operation(turn);
    const after = await traffic(servers);
    print(
      name,
      after.map((figure, i) => (figure - before[i]!) / CALLS),
    );
    await audit.flush();
  }
  await context.close();
}

/** Commands, bytes in and bytes out so far. The query itself adds a few, which don't matter. */
async function traffic(servers: ServerUrls): Promise<number[]> {
  const stats = await redisInfo(servers.redisUrl, 'stats');
  const names = ['total_commands_processed', 'total_net_input_bytes', 'total_net_output_bytes'];
  return names.map((name) => Number(stats[name]));
}

async function countRows(servers: ServerUrls): Promise<void> {
  const { context, sessions, audit } = await openApplication(servers, false);
  const database = new Client({ connectionString: servers.databaseUrl });
  await database.connect();
  const ids: string[] = [];
  const count = CALLS * 10;
  await forEachOf(count, 64, async (user) => {
    const session = { userId: userIdOf(user), client: clientOf(user) };
    ids[user] = (await sessions.createSession(session)).id;
  });
  await audit.flush();
  const live = await sizes(database);
  await forEachOf(count, 64, (user) => sessions.destroySession(ids[user]!));
  await audit.flush();
  await database.query('VACUUM');
  const over = await sizes(database);
  console.log(
    `\n${'Postgres, bytes per session'.padEnd(34)}${['rows', 'indexes'].map(right).join('')}`,
  );
  for (const [state, tables] of Object.entries({ live, over })) {
    for (const [table, bytes] of Object.entries(tables)) {
      print(
        `${table}, ${state}`,
        bytes.map((each) => each / count),
      );
    }
  }
  await Promise.all([database.end(), context.close()]);
}

/** The size of the rows and of the indexes, by table (bytes). */
async function sizes(database: Client): Promise<Record<string, number[]>> {
  return {
    sessions: await size(database, 'sessions'),
    session_events: await size(database, 'session_events'),
  };
}

/** The sum for all partitions of a table. */
async function size(database: Client, table: string): Promise<number[]> {
  const { rows } = await database.query<{ rows: string; indexes: string }>(
    `SELECT sum(pg_table_size(relid)) AS rows, sum(pg_indexes_size(relid)) AS indexes
     FROM pg_partition_tree($1) WHERE isleaf`,
    [table],
  );
  return [Number(rows[0]!.rows), Number(rows[0]!.indexes)];
}

function right(text: string): string {
  return text.padStart(12);
}

function print(name: string, figures: number[]): void {
  console.log(name.padEnd(34) + figures.map((figure) => right(figure.toFixed(1))).join(''));
}
