import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Pair {
  client: Socket;
  server: Socket;
  /** Nothing passes any more, and neither end hears of it. */
  frozen: boolean;
  /** What the server says is lost. */
  mute: boolean;
}

/** A TCP proxy on loopback: the way from one process to one server, which may be disturbed. */
export class Link {
  /** ms that each piece of data is held back. */
  latency = 0;
  private readonly pairs = new Set<Pair>();
  private listener!: Server;

  private constructor(private readonly target: number) {}

  static async to(port: number): Promise<Link> {
    const link = new Link(port);
    link.listener = createServer((client) => link.accept(client));
    link.listener.listen(0, '127.0.0.1');
    await once(link.listener, 'listening');
    return link;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** Ends all connections, both ways. */
  cut(): void {
    for (const pair of this.pairs) end(pair);
  }

  /** From now on these connections are dead, and neither end hears of it. New ones work. */
  freeze(): () => void {
    const frozen = [...this.pairs];
    for (const pair of frozen) pair.frozen = true;
    return () => {
      for (const pair of frozen) {
        pair.frozen = false;
        end(pair);
      }
    };
  }

  /** The server's replies are lost from now on; what was asked is done all the same. */
  mute(): () => void {
    const muted = [...this.pairs];
    for (const pair of muted) pair.mute = true;
    return () => muted.forEach(end);
  }

  close(): void {
    this.cut();
    this.listener.close();
  }

  private accept(client: Socket): void {
    const server = connect(this.target, '127.0.0.1');
    const pair: Pair = { client, server, frozen: false, mute: false };
    this.pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    this.pass(client, server, () => pair.frozen);
    this.pass(server, client, () => pair.frozen || pair.mute);
    const gone = () => {
      if (pair.frozen) return; // the other end isn't told
      end(pair);
      this.pairs.delete(pair);
    };
    for (const socket of [client, server]) socket.on('error', gone).on('close', gone);
  }

  /** Passes data on in order, each piece at its time. */
  private pass(from: Socket, to: Socket, isLost: () => boolean): void {
    const waiting: { data: Buffer; due: number }[] = [];
    const flush = () => {
      while (waiting.length > 0 && waiting[0]!.due <= performance.now()) {
        const { data } = waiting.shift()!;
        if (!isLost() && to.writable) to.write(data);
      }
      if (waiting.length > 0) setTimeout(flush, waiting[0]!.due - performance.now()).unref();
    };
    from.on('data', (data) => {
      const due = Math.max(performance.now() + this.latency, waiting.at(-1)?.due ?? 0);
      waiting.push({ data, due });
      if (waiting.length === 1) flush();
    });
  }
}

function end({ client, server }: Pair): void {
  client.destroy();
  server.destroy();
}
