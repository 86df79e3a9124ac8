import { once } from 'node:events';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

import type { SocketKind } from './gateways.js';

/** Why a handshake was refused. `status` and `headers` are known where it was an HTTP answer. */
export interface Refusal {
  code: string;
  status?: number;
  headers?: Record<string, unknown>;
}

/** A client's open socket. */
export interface Client {
  /** Sends a message and waits for what comes back. */
  ask(event: string): Promise<unknown>;
  send(event: string): void;
  /** All that the server sent. */
  readonly received: { event: string; data: unknown }[];
  /** Resolves with the server's reason when it closes the socket. */
  readonly closed: Promise<string>;
  close(): void;
}

interface Credentials {
  headers?: Record<string, string>;
  /** Socket.IO's own way. */
  token?: string;
}

export function openSocket(
  kind: SocketKind,
  url: string,
  place: string,
  credentials: Credentials = {},
): Promise<Client> {
  return kind === 'ws' ? openWs(url, place, credentials) : openSocketIo(url, place, credentials);
}

/** The refusal of a handshake that should be refused. */
export async function refusalOf(opening: Promise<Client>): Promise<Refusal> {
  const client = await opening.catch((refusal: Refusal) => refusal);
  if (!('ask' in client)) return client;
  client.close();
  throw new Error('The handshake was accepted.');
}

async function openWs(url: string, place: string, { headers }: Credentials): Promise<Client> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/${place}`, { headers });
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
      const refusal: Refusal = { code, status: response.statusCode, headers: response.headers };
      reject(refusal as unknown as Error);
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
  place: string,
  { headers, token }: Credentials,
): Promise<Client> {
  const socket = io(`${url}/${place}`, {
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
      socket.on('connect_error', (error: Error & { data?: Refusal }) => {
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

/** A socket that was closed would leave its question unanswered for ever. */
function answerOrClose(
  closed: Promise<string>,
  ask: (resolve: (answer: unknown) => void) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    void closed.then((reason) => reject(new Error(`The socket was closed: ${reason}`)));
    ask(resolve);
  });
}
