import type { Cluster, Redis } from 'ioredis';

/**
 * Makes the connections of a Cluster client safe, those that it has and those that it opens later.
 *
 * - ioredis sends READONLY to replicas, also if `scaleReads` is 'master', and asks them if it has lost
 *   its connections to all masters. A replica may not know yet that a session has ended, and it doesn't
 *   know that a slot is moving. Without READONLY, it redirects each command to its master.
 * - ioredis sends ASKING before each command that was redirected by `ASK`, and leaves its promise
 *   alone. If the connection closes before the reply, the rejection is unhandled, which ends the
 *   process. The command itself fails or is sent again.
 */
export function secureNodes(client: Redis | Cluster): void {
  if (!('nodes' in client)) return;
  for (const node of client.nodes('all')) {
    if (node.options.readOnly && node.status === 'ready') node.readwrite().catch(() => undefined);
    secure(node);
  }
  client.on('+node', secure);
}

function secure(node: Redis): void {
  node.readonly = () => Promise.resolve('OK' as const);
  const asking = node.asking.bind(node) as () => Promise<'OK'>;
  node.asking = () => {
    const reply = asking();
    reply.catch(() => undefined);
    return reply;
  };
}
