import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { Redis, type RedisOptions, type SentinelAddress } from 'ioredis';

import { Handover } from './handover.js';

/** The messages of a failover, in this order. A Sentinel that doesn't lead it only sends the last. */
const CHANNELS = [
  '+failover-state-select-slave',
  '+failover-state-send-slaveof-noone',
  '+promoted-slave',
  '-failover-abort-*',
  '+switch-master',
];

/** How long changes are held back at most (ms). A failover takes about a second from its order. */
const HOLD_LIMIT = 10_000;
/** How often a connection to a Sentinel is tested (ms). One that went silent brings no news. */
const PING_INTERVAL = 5_000;
const COMMAND_TIMEOUT = 2_000;
const RECONNECT_AFTER = 500;

/** How often the watch notes that the process is running (ms). */
const BEAT_INTERVAL = 25;
/** A process that paused for longer may have missed the notice before a promotion (ms). */
const MAX_PAUSE = 75;
/** How long a process waits for the news after a pause (ms). */
const NEWS_TIMEOUT = 500;
/** As ioredis's `sentinelMaxConnections`. */
const MAX_SENTINELS = 10;

/**
 * Follows the failovers that Sentinel carries out. Sentinel promotes the replica first, learns of it
 * up to a second later, and demotes the old master ten seconds after that. What the old master
 * acknowledges meanwhile is thrown away. So this holds changes back as soon as a Sentinel has chosen
 * the replica, some 0.1 s before the promotion, and reconnects once the new master is announced.
 *
 * It replaces ioredis's `failoverDetector`, which reconnects at `+switch-master`, the last of these
 * messages.
 */
export class SentinelWatch {
  readonly handover = new Handover({
    limit: HOLD_LIMIT,
    onLimit: () => this.lookAgain(),
    news: () => this.beat(),
  });
  private readonly subscribers = new Map<string, Redis>();
  private readonly timers: NodeJS.Timeout[];
  private beatAt = performance.now();
  private catchingUp: Promise<unknown> | undefined;
  /** After a switch, until the client has reached the new master: the address of the old one. */
  private left: string | undefined;

  constructor(private readonly client: Redis) {
    for (const { host = '127.0.0.1', port = 26379 } of client.options.sentinels ?? []) {
      this.subscribeTo({ host, port });
    }
    client.on('ready', this.onReady);
    this.timers = [
      setInterval(() => void this.ping(), PING_INTERVAL).unref(),
      setInterval(() => void this.beat(), BEAT_INTERVAL).unref(),
    ];
  }

  close(): void {
    this.timers.forEach(clearInterval);
    this.client.off('ready', this.onReady);
    for (const subscriber of this.subscribers.values()) subscriber.disconnect();
    this.handover.release();
  }

  private subscribeTo({ host, port }: SentinelAddress): void {
    const address = `${host}:${port}`;
    const { sentinelMaxConnections = MAX_SENTINELS } = this.client.options;
    if (this.subscribers.has(address) || this.subscribers.size >= sentinelMaxConnections) return;
    const subscriber = new Redis({ ...sentinelOptions(this.client.options), host, port });
    this.subscribers.set(address, subscriber);
    subscriber.on('error', () => undefined); // it reconnects by itself
    subscriber.on('ready', () => this.onSubscriberReady(subscriber));
    subscriber.on('pmessage', (_, channel, message) => this.onMessage(channel, message));
  }

  /** Asks who the master is, and subscribes, in one go: a switch in between would be missed. */
  private onSubscriberReady(subscriber: Redis): void {
    const { name = '', updateSentinels = true } = this.client.options;
    const master = subscriber.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
    const others = updateSentinels ? subscriber.call('SENTINEL', 'SENTINELS', name) : [];
    const subscribed = subscriber.psubscribe(...CHANNELS);
    Promise.all([master, others, subscribed]).then(
      ([address, sentinels]) => {
        this.checkAddress(address as string[] | null);
        for (const each of sentinels as string[][]) this.subscribeTo(this.sentinelOf(each));
      },
      () => undefined, // Sentinel is down, or doesn't know the master (yet)
    );
  }

  private onMessage(channel: string, message: string): void {
    const words = message.split(' ');
    if (masterOf(channel, words) !== this.client.options.name) return;
    if (channel.startsWith('-failover-abort')) this.handover.release();
    else if (channel === '+switch-master') this.onSwitch(words.slice(1));
    else this.handover.hold(channel === '+promoted-slave' ? 'all' : 'changes');
  }

  /** @param addresses host and port of the old master, then of the new one */
  private onSwitch([oldHost = '', oldPort = '', newHost = '', newPort = '']: string[]): void {
    if (this.connectedTo === this.translate(newHost, newPort)) return this.reached();
    this.left = this.translate(oldHost, oldPort);
    this.handover.hold('all');
    this.reconnect();
  }

  /** A Sentinel that hasn't heard of the switch yet may have led the client back to the old master. */
  private readonly onReady = (): void => {
    if (this.left === undefined) return;
    if (this.connectedTo === this.left) this.reconnect();
    else this.reached();
  };

  private reached(): void {
    this.left = undefined;
    this.handover.release();
  }

  /** The news didn't come: perhaps the Sentinel that led the failover died. */
  private lookAgain(): void {
    this.left = undefined;
    this.reconnect();
  }

  private checkAddress(address: string[] | null): void {
    const [host = '', port = ''] = address ?? [];
    // A connection has an IP address, so a host name can't be compared.
    if (isIP(host) && this.connectedTo !== this.translate(host, port)) this.reconnect();
  }

  /** Lets ioredis ask Sentinel for the master again, unless it is about to anyway. */
  private reconnect(): void {
    if (this.client.status === 'ready') this.client.disconnect(true);
  }

  private get connectedTo(): string {
    const { remoteAddress, remotePort } = this.client.stream ?? {};
    return `${remoteAddress}:${remotePort}`;
  }

  /** The address at which this process reaches what Sentinel calls `host:port`. */
  private translate(host: string, port: string): string {
    const { natMap } = this.client.options;
    const key = `${host}:${port}`;
    const found = typeof natMap === 'function' ? natMap(key) : natMap?.[key];
    return found ? `${found.host}:${found.port}` : key;
  }

  /** @param fields of another Sentinel: name, value, name, value… */
  private sentinelOf(fields: string[]): SentinelAddress {
    const valueOf = (name: string) => fields[fields.indexOf(name) + 1] ?? '';
    const [host = '', port] = this.translate(valueOf('ip'), valueOf('port')).split(/:(?=\d+$)/);
    return { host, port: Number(port) };
  }

  /**
   * After a pause (a blocked event loop, a stopped process or machine), the messages of Sentinel are
   * still unread. A call would go to the old master, which may confirm it for ten seconds. So calls
   * wait for the answer to a PING: it comes behind all messages that were sent before.
   */
  private beat(): Promise<unknown> | undefined {
    const now = performance.now();
    const pause = now - this.beatAt;
    this.beatAt = now;
    if (pause > MAX_PAUSE) {
      const heard = Promise.race([this.ping(), delay(NEWS_TIMEOUT, undefined, { ref: false })]);
      this.catchingUp = heard;
      void heard.then(() => {
        if (this.catchingUp === heard) this.catchingUp = undefined;
      });
    }
    return this.catchingUp;
  }

  private ping(): Promise<unknown> {
    const connected = [...this.subscribers.values()].filter(({ status }) => status === 'ready');
    return Promise.all(
      connected.map((subscriber) => subscriber.ping().catch(() => subscriber.disconnect(true))),
    );
  }
}

/** The connections need no data and no patience: whatever goes wrong, the next one is tried. */
function sentinelOptions(options: RedisOptions): RedisOptions {
  return {
    username: options.sentinelUsername,
    password: options.sentinelPassword,
    tls: options.sentinelTLS,
    family: options.family,
    connectTimeout: options.connectTimeout,
    commandTimeout: COMMAND_TIMEOUT,
    enableReadyCheck: false,
    autoResubscribe: false, // `onSubscriberReady` does
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => RECONNECT_AFTER,
    disconnectTimeout: 0,
  };
}

/** The name of the master that a message is about. */
function masterOf(channel: string, words: string[]): string | undefined {
  if (channel === '+switch-master') return words[0];
  return words[0] === 'master' ? words[1] : words[words.indexOf('@') + 1];
}
