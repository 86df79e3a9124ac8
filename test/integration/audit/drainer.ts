// A process that drains a bucket and stops at one step. `drainer-process.ts` starts it, with its
// `DrainerOptions` as JSON.
import type { QueryRunner } from 'typeorm';

import { serveCalls, stopServing } from '../../../dev/child-calls.js';
import { ledgerSettings } from '../../../src/audit/postgres/schema.js';
import { DeadLetters } from '../../../src/audit/drain/dead-letters.js';
import { Drain } from '../../../src/audit/drain/drain.js';
import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { SecondEnds } from '../../../src/audit/drain/second-ends.js';
import { Incidents } from '../../../src/audit/guard/incidents.js';
import { LedgerBinding } from '../../../src/audit/guard/ledger-binding.js';
import { LedgerWriter } from '../../../src/audit/drain/ledger-writer.js';
import { Outbox } from '../../../src/audit/drain/outbox.js';
import { openRedis } from '../../../src/store/connect.js';
import { Buckets } from '../../../src/store/buckets.js';
import type { DrainerMethods, DrainerOptions, DrainStep } from './drainer-process.js';

const { redisUrl, databaseUrl, prefix, bucket, stopAt } = JSON.parse(
  process.argv[2]!,
) as DrainerOptions;

let stopped = false;
let reached!: () => void;
let continueDrain!: () => void;
const atStep = new Promise<void>((resolve) => (reached = resolve));
const resumed = new Promise<void>((resolve) => (continueDrain = resolve));

/** The drain stops here, the first time it comes to `stopAt`, until it is killed or resumed. */
async function step(name: DrainStep): Promise<void> {
  if (name !== stopAt || stopped) return;
  stopped = true;
  reached();
  await resumed;
}

class SteppingDatabase extends LedgerDatabase {
  override async transaction<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    await step('before the transaction');
    const result = await super.transaction(async (runner) => {
      const done = await work(stepping(runner));
      await step('before the commit');
      return done;
    });
    await step('between commit and deletion');
    return result;
  }
}

class SteppingOutbox extends Outbox {
  override async remove(...args: Parameters<Outbox['remove']>): Promise<void> {
    await super.remove(...args);
    await step('after the deletion');
  }
}

/** Recognizes steps by their SQL statements, and stops after those. */
function stepping(runner: QueryRunner): QueryRunner {
  const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
  runner.query = async (...args: unknown[]) => {
    const reply = await query(...args);
    const sql = String(args[0]);
    if (sql.includes('SKIP LOCKED')) await step('while it holds the lock');
    if (/INSERT INTO \S+session_events/.test(sql)) await step('after it inserted the records');
    if (/INSERT INTO \S+session_dead_letters/.test(sql)) await step('after the dead letter');
    return reply as never;
  };
  return runner;
}

const { client, close } = openRedis(redisUrl, 5_000);
const buckets = new Buckets({ client, prefix, count: 1, timeout: 5_000 });
const outbox = new SteppingOutbox(buckets);
const database = new SteppingDatabase(databaseUrl, {}, false);
const settings = ledgerSettings({});
const writer = new LedgerWriter(settings);
const deadLetters = new DeadLetters(database, settings.tables, writer);
const incidents = new Incidents(database, settings.tables);
const binding = new LedgerBinding(buckets, database, settings.tables, incidents);
const secondEnds = new SecondEnds(incidents, settings.tables);
const drain = new Drain(database, outbox, writer, deadLetters, incidents, binding, secondEnds);

let report: Promise<unknown>;

serveCalls<DrainerMethods>({
  async drainToStep() {
    report = drain.drainBucket(bucket).catch((error: unknown) => String(error));
    const missed = report.then((result) => {
      throw new Error(`The drain never came to '${stopAt}': ${JSON.stringify(result)}`);
    });
    await Promise.race([atStep, missed]);
  },
  async resume() {
    continueDrain();
    const result = await report;
    await database.close();
    await close();
    stopServing();
    return result;
  },
});
