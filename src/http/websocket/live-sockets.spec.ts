import { EventEmitter } from 'node:events';
import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { LiveSockets } from './live-sockets.js';

/** A TCP socket as far as its session's end concerns it. */
class Socket extends EventEmitter {
  isOpen = true;

  destroy(): void {
    this.isOpen = false;
    this.emit('close');
  }
}

class BrokenSocket extends Socket {
  override destroy(): void {
    throw new Error('This socket is broken.');
  }
}

describe('the checking of open sockets', () => {
  const ended = new Set<string>();
  const asked: string[][] = [];
  let failures = 0;
  let sockets: LiveSockets;
  const open = (): LiveSockets =>
    (sockets = new LiveSockets(async (handles) => {
      asked.push(handles);
      if (failures-- > 0) throw new Error('The connection was closed.');
      return handles.map((handle) => !ended.has(handle));
    }));
  const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

  beforeAll(() => Logger.overrideLogger(false));
  afterEach(() => {
    sockets.stop();
    ended.clear();
    asked.length = 0;
    failures = 0;
  });

  test('an error while sockets are checked does not end the checking', async () => {
    open();
    const socket = new Socket();
    failures = 2;
    sockets.watch(socket, '00a');
    ended.add('00a');
    await closed(socket);
    expect(asked).toHaveLength(3);
    expect(sockets.size).toBe(0);
  });

  test('a socket that cannot be closed does not keep others open', async () => {
    open();
    const [broken, other] = [new BrokenSocket(), new Socket()];
    sockets.watch(broken, '00a');
    sockets.watch(other, '00b');
    ended.add('00a').add('00b');
    await closed(other);
  });

  test('all sockets of a session are closed, and a socket can change its session', async () => {
    open();
    const [first, second, moved] = [new Socket(), new Socket(), new Socket()];
    for (const socket of [first, second, moved]) sockets.watch(socket, '00a');
    sockets.watch(moved, '00b');
    ended.add('00a');
    await Promise.all([closed(first), closed(second)]);
    expect([moved.isOpen, sockets.size]).toEqual([true, 1]);
    moved.destroy();
    expect(sockets.size).toBe(0);
  });

  test('no slice has more than 1,000 sessions, and a slice has those of few buckets', async () => {
    open();
    for (let i = 0; i < 4_000; i++) {
      const bucket = (i % 16).toString(16).padStart(2, '0');
      sockets.watch(new Socket(), `${bucket}${i}`);
    }
    const last = new Socket();
    sockets.watch(last, 'ff');
    ended.add('ff');
    await closed(last);
    expect(asked.map((handles) => handles.length)).toEqual([1_000, 1_000, 1_000, 1_000, 1]);
    for (const handles of asked) {
      expect(new Set(handles.map((handle) => handle.slice(0, 2))).size).toBeLessThanOrEqual(4);
    }
  });
});
