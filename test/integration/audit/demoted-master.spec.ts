import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';

import { startRedis } from '../../../dev/index.js';
import { eventually } from '../../support/eventually.js';
import { lossyProxy } from '../../support/lossy-proxy.js';
import { useLedger } from '../../support/use-ledger.js';
import { countRecords } from './records.js';
import { createSessions } from './sessions.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

describe('A worker that is led to a replica', () => {
  const fixture = useLedger();

  it('takes neither a replica that lags for a rollback nor an empty one for an emptied Redis', async () => {
    const [master] = fixture.redis.servers;
    const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${master!.port}` } });
    cleanUps.push(() => replica.stop());
    const node = new Redis(replica.url, { disconnectTimeout: 0 });
    cleanUps.push(() => node.disconnect());
    const proxy = await lossyProxy(master!.port);
    cleanUps.push(() => proxy.close());
    const trail = await fixture.open();
    const app = await trail.start({ buckets: 1, audit: { worker: false }, redis: proxy.url });
    await createSessions(app, 5);
    await eventually(async () => expect(await node.xlen(`${trail.prefix}:{0}:o`)).toBe(5));
    await node.replicaof('127.0.0.1', '1'); // nothing listens there: from now on, it lags
    await createSessions(app, 5);
    await app.audit.flush();

    proxy.redirectTo(replica.port);
    app.buckets.client.disconnect(true);
    const unavailable = { code: 'ERR_SESSION_REDIS_UNAVAILABLE' };
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(app.audit.flush()).rejects.toMatchObject(unavailable);
      await expect(app.audit.reconcile()).rejects.toMatchObject(unavailable);
    }
    await node.config('SET', 'replica-read-only', 'no');
    await node.flushall();
    await node.config('SET', 'replica-read-only', 'yes');
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(app.audit.flush()).rejects.toMatchObject(unavailable);
    }

    proxy.redirectTo(master!.port);
    await eventually(() => app.audit.flush());
    expect(await app.audit.incidents({ limit: 10 })).toMatchObject([{ kind: 'bound' }]);
    expect(await countRecords(trail)).toEqual({ created: 10, destroyed: 0 });
  });
});
