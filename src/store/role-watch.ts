import type { RedisClient } from './bounded-redis.js';

/** How often the server is asked for its role (ms). It is also asked after each reconnection. */
const INTERVAL = 500;

/**
 * Leaves a server that is no longer the master. After a failover, a connection to the old master
 * stays open, and as a replica it rejects every call: reads as well, see `master-reads.ts`.
 * Reconnecting finds the new master: by Sentinel, DNS or a proxy. A given client may not reconnect at
 * the first READONLY, and a process without calls wouldn't notice.
 *
 * A Cluster needs no watch: a demoted node redirects each command to the new master.
 *
 * @returns stops the watch
 */
export function watchRole(client: RedisClient): () => void {
  if ('nodes' in client) return () => undefined;
  let asking = false;
  const ask = async () => {
    if (asking || client.status !== 'ready') return;
    asking = true;
    try {
      const [role] = await client.role();
      if (role !== 'master') client.disconnect(true);
    } catch {
      // Either the server is unreachable, which every call notices anyway, or the user may not run
      // ROLE.
    } finally {
      asking = false;
    }
  };
  const timer = setInterval(() => void ask(), INTERVAL);
  timer.unref();
  client.on('ready', ask);
  return () => {
    clearInterval(timer);
    client.off('ready', ask);
  };
}
