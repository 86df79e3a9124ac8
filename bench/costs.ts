import { Client } from 'pg';

import { openApplication } from './contenders/application.js';
import { forEachOf } from './harness/closed-loop.js';
import type { Place } from './harness/contender.js';
import { redisInfo } from './harness/redis-info.js';
import { clientOf, userIdOf } from './harness/sample.js';
import { withServers } from './harness/servers.js';

// What each operation costs in commands (those that a script makes included) and bytes, one at a
// time, and what a session takes in Postgres. Counted, not timed: much the same on any machine.

const CALLS = Number(process.argv[2] ?? 2_000);
const HOUR = 3_600_000;

await withServers({}, async (place) => {
  console.log(
    `${'operation'.padEnd(34)}${['commands', 'bytes to', 'bytes from'].map(right).join('')}`,
  );
  await countOperations(place);
});
await withServers({}, countRows);

async function countOperations(place: Place): Promise<void> {
  const { context, sessions, audit } = await openApplication(place, false, { idleTimeout: HOUR });
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
    const before = await traffic(place);
    for (let turn = 0; turn < CALLS; turn += 1) await operation(turn);
    const after = await traffic(place);
    print(
      name,
      after.map((figure, i) => (figure - before[i]!) / CALLS),
    );
    await audit.flush();
  }
  await context.close();
}

/** Commands, bytes in and bytes out so far. Asking for them costs some too, which hardly counts. */
async function traffic(place: Place): Promise<number[]> {
  const stats = await redisInfo(place, 'stats');
  const names = ['total_commands_processed', 'total_net_input_bytes', 'total_net_output_bytes'];
  return names.map((name) => Number(stats[name]));
}

async function countRows(place: Place): Promise<void> {
  const { context, sessions, audit } = await openApplication(place, false);
  const database = new Client({ connectionString: place.databaseUrl });
  await database.connect();
  const begun: string[] = [];
  const count = CALLS * 10;
  await forEachOf(count, 64, async (user) => {
    const session = { userId: userIdOf(user), client: clientOf(user) };
    begun[user] = (await sessions.createSession(session)).id;
  });
  await audit.flush();
  const live = await sizes(database);
  await forEachOf(count, 64, (user) => sessions.destroySession(begun[user]!));
  await audit.flush();
  await database.query('VACUUM');
  const over = await sizes(database);
  console.log(
    `\n${'Postgres, bytes a session'.padEnd(34)}${['rows', 'indexes'].map(right).join('')}`,
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

/** Bytes of the rows and bytes of the indexes, by table. */
async function sizes(database: Client): Promise<Record<string, number[]>> {
  return {
    sessions: await size(database, 'sessions'),
    session_events: await size(database, 'session_events'),
  };
}

/** Of a table's partitions. */
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
