import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Pair {
  client: Socket;
  server: Socket;
  /** Drops all data in both directions, and doesn't tell one end that the other has closed. */
  frozen: boolean;
  /** Drops all data from the server. */
  dropsReplies: boolean;
}

/** A TCP proxy on loopback between one process and one server, which faults can disturb. */
export class Link {
  /** The delay of data in either direction (ms). */
  latency = 0;
  private readonly pairs = new Set<Pair>();
  private listener!: Server;

  private constructor(private target: number) {}

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

  /** Connects new clients to another server, as DNS does after a failover; old connections stay. */
  redirectTo(port: number): void {
    this.target = port;
  }

  /** Closes all connections. */
  dropConnections(): void {
    for (const pair of this.pairs) end(pair);
  }

  /**
   * Makes the current connections hang without closing them; new connections work. Returns a function
   * that closes them.
   */
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

  /**
   * Drops the server's replies on the current connections; the server still gets the requests.
   * Returns a function that closes them.
   */
  dropReplies(): () => void {
    const pairs = [...this.pairs];
    for (const pair of pairs) pair.dropsReplies = true;
    return () => pairs.forEach(end);
  }

  close(): void {
    this.dropConnections();
    this.listener.close();
  }

  private accept(client: Socket): void {
    const server = connect(this.target, '127.0.0.1');
    const pair: Pair = { client, server, frozen: false, dropsReplies: false };
    this.pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    this.pass(client, server, () => pair.frozen);
    this.pass(server, client, () => pair.frozen || pair.dropsReplies);
    const gone = () => {
      if (pair.frozen) return; // the other end must not notice
      end(pair);
      this.pairs.delete(pair);
    };
    for (const socket of [client, server]) socket.on('error', gone).on('close', gone);
  }

  /** Passes data on, in order, after the latency that was set when it arrived. */
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
