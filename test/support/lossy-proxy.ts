import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy to Redis that can lose replies. */
export interface LossyProxy {
  readonly url: string;
  /**
   * Passes the next request that contains this text to Redis, but closes the connection instead of
   * passing on the reply. Resolves once that has happened.
   */
  loseReplyTo(text: string): Promise<void>;
  /** Passes nothing more on over the existing connections, and leaves them open. */
  goSilent(): void;
  /** Connects new clients to another server, as DNS does after a failover; old connections stay. */
  redirectTo(port: number): void;
  close(): Promise<void>;
}

export async function lossyProxy(firstPort: number): Promise<LossyProxy> {
  let port = firstPort;
  let losing: { text: string; lost: () => void } | undefined;
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();

  const server = createServer((client) => {
    const redis = connect(port, '127.0.0.1');
    let cut: (() => void) | undefined;
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (data) => {
      if (silent.has(client)) return;
      if (losing && data.includes(losing.text)) {
        cut = losing.lost;
        losing = undefined;
      }
      redis.write(data);
    });
    redis.on('data', (data) => {
      if (silent.has(client)) return undefined;
      if (!cut) return client.write(data);
      client.destroy();
      return cut();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseReplyTo: (text) => new Promise((lost) => (losing = { text, lost })),
    redirectTo: (newPort) => {
      port = newPort;
    },
    goSilent: () => sockets.forEach((socket) => silent.add(socket)),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
