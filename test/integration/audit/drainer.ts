// A process that drains a trail and stops at one step of it. A child of `drainer-process.ts`:
// `node --import typescript.mjs drainer.ts <JSON of DrainerOptions>`.
import type { QueryRunner } from 'typeorm';

import { ledgerSettings } from '../../../src/audit/postgres/schema.js';
import { DeadLetters } from '../../../src/audit/drain/dead-letters.js';
import { Drain } from '../../../src/audit/drain/drain.js';
import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { LedgerWriter } from '../../../src/audit/drain/ledger-writer.js';
import { Outbox } from '../../../src/audit/drain/outbox.js';
import { openRedis } from '../../../src/store/connect.js';
import { Buckets } from '../../../src/store/buckets.js';
import type { DrainerOptions, DrainStep } from './drainer-process.js';

const { redisUrl, databaseUrl, prefix, bucket, stopAt } = JSON.parse(
  process.argv[2]!,
) as DrainerOptions;

let stopped = false;

/** At its step the process says so, and waits to be killed, or to be told to go on. */
async function step(name: DrainStep): Promise<void> {
  if (name !== stopAt || stopped) return;
  stopped = true;
  process.send!(name);
  await new Promise((goOn) => process.once('message', goOn));
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

/** Stops after the statements by which a step is known. */
function stepping(runner: QueryRunner): QueryRunner {
  const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
  runner.query = async (...args: unknown[]) => {
    const reply = await query(...args);
    const sql = String(args[0]);
    if (sql.includes('FOR UPDATE')) await step('holding the lock');
    if (/INSERT INTO \S+session_events/.test(sql)) await step('after the records');
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
const drain = new Drain(database, outbox, writer, deadLetters);

const report = await drain.drainBucket(bucket).catch((error: unknown) => String(error));
await database.close();
await close();
process.send!({ report });
process.disconnect();
