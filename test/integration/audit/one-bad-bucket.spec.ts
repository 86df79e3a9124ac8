import { describe, expect, it } from '@jest/globals';

import { bucketOf } from '../../../src/store/session-id.js';
import { eventually } from '../../support/eventually.js';
import { recordsOf } from './records.js';
import { useLedger } from '../../support/use-ledger.js';

const WORKER = { buckets: 2 };
/** A user in bucket 0 and one in bucket 1. */
const [BAD, GOOD] = [0, 1].map((bucket) =>
  Array.from({ length: 99 }, (_, n) => `u${n}`).find((id) => bucketOf(id, 2) === bucket)!,
) as [string, string];

describe('One bad bucket', () => {
  const fixture = useLedger();

  it('a bucket that cannot be swept does not keep the others from being swept and drained', async () => {
    const trail = await fixture.open();
    const worker = await trail.start(WORKER);
    const { client } = worker.buckets;
    const { expiryIndex } = worker.buckets.keysOf(0);
    await client.set(expiryIndex, 'of another type');
    try {
      const { handle } = await worker.sessions.createSession({ userId: GOOD, expires: 300 });
      await eventually(async () => {
        const reasons = (await recordsOf(trail, handle)).map(({ reason }) => reason);
        expect(reasons).toEqual([null, 'expired']);
      }, 15_000);
    } finally {
      await client.del(expiryIndex);
    }
  });

  it('a chain whose head was deleted is an error with its name, and the others are drained', async () => {
    const trail = await fixture.open();
    const worker = await trail.start(WORKER);
    await trail.rows('DELETE FROM session_chains WHERE chain = 0');
    try {
      const bad = await worker.sessions.createSession({ userId: BAD });
      const good = await worker.sessions.createSession({ userId: GOOD });
      await eventually(async () => expect(await recordsOf(trail, good.handle)).toHaveLength(1));
      await expect(worker.audit.flush()).rejects.toMatchObject({
        code: 'ERR_SESSION_LEDGER_DAMAGED',
        message: expect.stringContaining('no row for chain 0'),
      });
      expect(await recordsOf(trail, bad.handle)).toEqual([]);
    } finally {
      await trail.rows('INSERT INTO session_chains (chain) VALUES (0)');
    }
    await eventually(() => worker.audit.flush());
  });
});
