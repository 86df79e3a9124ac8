import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A server that speaks just enough of Redis's protocol for the startup checks. */
export interface FakeRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** Answers INFO with these fields, and reports layout 2 with 16 buckets. */
export async function startFakeRedis(info: Record<string, string>): Promise<FakeRedis> {
  const answers: Record<string, string> = {
    info: bulk(
      Object.entries(info)
        .map(([name, value]) => `${name}:${value}\r\n`)
        .join(''),
    ),
    hmget: `*2\r\n${bulk('2')}${bulk('16')}`,
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      // Each command is an array of bulk strings: `*1\r\n$4\r\ninfo\r\n`.
      for (const [, name] of String(data).matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        socket.write(answers[name!.toLowerCase()] ?? '+OK\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}
