import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, jest, test } from '@jest/globals';

import { LiveSockets } from '../../../src/http/websocket/live-sockets.js';
import { createManySessions } from '../../support/many-sessions.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis, type RedisFixture } from '../../support/use-redis.js';

jest.setTimeout(120_000);

const SOCKETS = 100_000;
const SECONDS = 4;

class Socket extends EventEmitter {
  destroy(): void {
    this.emit('close');
  }
}

describe('a process with 100,000 open sockets', () => {
  const fixture = useRedis(singleRedis);
  let sockets: LiveSockets;
  afterEach(() => sockets.stop());

  test('they cost Redis less than 5,000 commands a second, and each is closed within seconds', async () => {
    const app = fixture.open({ buckets: 1 });
    await createManySessions(app, 'ada', SOCKETS);
    const { client, buckets } = app;
    const digests = await client.zrange(buckets.keysOf(0).userSet('ada'), 0, -1);
    sockets = new LiveSockets((handles) => app.service.areAlive(handles));
    const opened = digests.map((digest) => ({ digest, socket: new Socket() }));
    for (const { digest, socket } of opened) sockets.watch(socket, `00${digest}`);
    expect(sockets.size).toBe(SOCKETS);

    const before = await commandsRun(fixture);
    const start = performance.now();
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
    const rate = ((await commandsRun(fixture)) - before) / ((performance.now() - start) / 1_000);
    process.stderr.write(`100,000 sockets: ${Math.round(rate)} commands a second\n`);
    expect(rate).toBeGreaterThan(1); // they were checked
    expect(rate).toBeLessThan(5_000);

    const { digest, socket } = opened[SOCKETS / 2]!;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const ended = performance.now();
    await app.service.destroySessionByHandle(`00${digest}`);
    await closed;
    process.stderr.write(`closed after ${Math.round(performance.now() - ended)} ms\n`);
    expect(performance.now() - ended).toBeLessThan(10_000); // 2 s by the rate; a busy machine is slower
    expect(sockets.size).toBe(SOCKETS - 1);
  });
});

/** How many commands Redis has run, not counting INFO. */
async function commandsRun({ redis }: RedisFixture): Promise<number> {
  const stats = await redis.nodes[0]!.info('commandstats');
  const counts = [...stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)];
  return counts.reduce((sum, [, name, calls]) => (name === 'info' ? sum : sum + Number(calls)), 0);
}
