import { once } from 'node:events';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

import type { SocketKind } from './gateways.js';

/** Why a handshake was rejected. `status` and `headers` are set if `ws` answered over HTTP. */
export interface Rejection {
  code: string;
  status?: number;
  headers?: Record<string, unknown>;
}

/** An open socket on the client's side. */
export interface Client {
  /** Sends a message and resolves with the next message received. */
  ask(event: string): Promise<unknown>;
  send(event: string): void;
  /** All messages from the server. */
  readonly received: { event: string; data: unknown }[];
  /** Resolves with the reason when the server closes the socket. */
  readonly closed: Promise<string>;
  close(): void;
}

interface Credentials {
  headers?: Record<string, string>;
  /** For Socket.IO's `auth` payload. */
  token?: string;
}

export function openSocket(
  kind: SocketKind,
  url: string,
  gateway: string,
  credentials: Credentials = {},
): Promise<Client> {
  return kind === 'ws'
    ? openWs(url, gateway, credentials)
    : openSocketIo(url, gateway, credentials);
}

/** Resolves with the rejection of a handshake. Throws if it was accepted. */
export async function rejectionOf(opening: Promise<Client>): Promise<Rejection> {
  const client = await opening.catch((rejection: Rejection) => rejection);
  if (!('ask' in client)) return client;
  client.close();
  throw new Error('The handshake was accepted, but the test expects a rejection.');
}

/** The status with which the server answers a handshake of `ws`. */
export async function statusOf(
  url: string,
  gateway: string,
  headers: Record<string, string>,
): Promise<number> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/${gateway}`, { headers });
  const status = await new Promise<number>((resolve, reject) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode!));
    socket.on('error', reject);
  });
  socket.on('error', () => undefined); // it may be closed before it is open
  socket.terminate();
  return status;
}

async function openWs(url: string, gateway: string, { headers }: Credentials): Promise<Client> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/${gateway}`, { headers });
  const received: Client['received'] = [];
  const waiting: ((answer: unknown) => void)[] = [];
  socket.on('message', (text) => {
    const message = JSON.parse(String(text));
    received.push(message);
    waiting.shift()?.(message.data);
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('close', (code, reason) => resolve(`${code} ${reason.toString()}`));
  });
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
    socket.on('unexpected-response', async (_, response) => {
      let body = '';
      for await (const chunk of response) body += String(chunk);
      socket.terminate();
      const { code } = JSON.parse(body);
      const rejection: Rejection = { code, status: response.statusCode, headers: response.headers };
      reject(rejection as unknown as Error);
    });
  });
  const send = (event: string) => socket.send(JSON.stringify({ event, data: {} }));
  return {
    send,
    ask: (event) =>
      answerOrClose(closed, (resolve) => {
        waiting.push(resolve);
        send(event);
      }),
    received,
    closed,
    close: () => socket.terminate(),
  };
}

async function openSocketIo(
  url: string,
  gateway: string,
  { headers, token }: Credentials,
): Promise<Client> {
  const socket = io(`${url}/${gateway}`, {
    extraHeaders: headers,
    auth: token === undefined ? {} : { token },
    reconnection: false,
    forceNew: true,
    transports: ['websocket'],
  });
  const received: Client['received'] = [];
  const waiting: ((answer: unknown) => void)[] = [];
  socket.onAny((event: string, data: unknown) => {
    received.push({ event, data });
    waiting.shift()?.(data);
  });
  const closed = new Promise<string>((resolve) => socket.on('disconnect', resolve));
  await Promise.race([
    once(socket as never, 'connect'),
    new Promise((_, reject) => {
      socket.on('connect_error', (error: Error & { data?: Rejection }) => {
        socket.close();
        reject(error.data ?? error);
      });
    }),
  ]);
  return {
    send: (event) => socket.emit(event, {}),
    ask: (event) =>
      answerOrClose(closed, (resolve) => {
        waiting.push(resolve);
        socket.emit(event, {});
      }),
    received,
    closed,
    close: () => socket.close(),
  };
}

/** Rejects if the socket closes first; otherwise the answer would never come. */
function answerOrClose(
  closed: Promise<string>,
  ask: (resolve: (answer: unknown) => void) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    void closed.then((reason) =>
      reject(new Error(`The socket was closed before an answer came: ${reason}`)),
    );
    ask(resolve);
  });
}
