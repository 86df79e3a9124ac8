import { setImmediate } from 'node:timers/promises';

import type { MasterReads } from './master-reads.js';

/** Keys of one batch: bounds how long Redis is blocked. */
const MAX_BATCH = 500;

interface Batch {
  keys: string[];
  values: Promise<(string | null)[]>;
}

/**
 * Combines the reads of one turn of the event loop into one MGET. That is cheaper than a pipeline
 * of GETs: one reply and one timer for all of them.
 *
 * A Cluster gets single reads: while a slot moves to another node, MGET is rejected (TRYAGAIN), and
 * GET is redirected.
 */
export class BatchedReads {
  private batch: Batch | undefined;

  constructor(private readonly reads: MasterReads) {}

  async get(key: string): Promise<string | null> {
    if (this.reads.isCluster) return this.reads.get(key);
    const batch = this.openBatch();
    const place = batch.keys.push(key) - 1;
    const values = await batch.values;
    return values[place]!;
  }

  private openBatch(): Batch {
    if (this.batch && this.batch.keys.length < MAX_BATCH) return this.batch;
    const keys: string[] = [];
    const batch: Batch = { keys, values: setImmediate().then(() => this.send(batch)) };
    this.batch = batch;
    return batch;
  }

  private send(batch: Batch): Promise<(string | null)[]> {
    if (this.batch === batch) this.batch = undefined;
    return this.reads.getAll(batch.keys);
  }
}
