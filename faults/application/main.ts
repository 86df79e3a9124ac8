import { shiftClock } from './wrong-clock.js';

import { setTimeout as delay } from 'node:timers/promises';

import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ledgerDataSourceOptions,
  SessionAudit,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
} from 'nest-session-ledger';
import { DataSource } from 'typeorm';

import { Aim } from './aim.js';
import { block } from './block.js';
import { perform, type Services } from './perform.js';
import type { Request, Response, StartOptions } from './protocol.js';
import { useShortLocks } from './short-locks.js';

// One process of the application under test. It does what the harness asks over IPC.

const aim = new Aim(() => send({ type: 'aimed' }));
let application: INestApplicationContext | undefined;
let isStarted!: (services: Services) => void;
// What is asked before the start is done after it.
const services = new Promise<Services>((resolve) => (isStarted = resolve));

process.on('message', (request: Request) => void handle(request));
process.on('disconnect', () => process.exit());
send({ type: 'loaded' });

async function handle(request: Request): Promise<void> {
  switch (request.type) {
    case 'start':
      return start(request.options);
    case 'call': {
      const answer = await perform(await services, request.operation);
      return send({ type: 'answer', n: request.n, answer });
    }
    case 'clock':
      return shiftClock(request.shift);
    case 'block':
      return block(request.ms);
    case 'aim':
      return aim.take(request);
    case 'stop':
      await application?.close();
      process.exit();
  }
}

async function start(options: StartOptions): Promise<void> {
  shiftClock(options.clockShift);
  if (options.shortLocks) useShortLocks();
  // As a supervisor would: Redis may be away just now, and then the application doesn't start.
  while (!application) application = await attempt(options);
  isStarted({ sessions: application.get(SessionService), audit: application.get(SessionAudit) });
  send({ type: 'started' });
}

async function attempt(options: StartOptions): Promise<INestApplicationContext | undefined> {
  const module = SessionModule.forRoot(moduleOptions(options));
  try {
    return await NestFactory.createApplicationContext(module, {
      logger: ['fatal'],
      abortOnError: false,
    });
  } catch (error) {
    console.error(`could not start: ${String(error)}`);
    await delay(100);
    return undefined;
  }
}

function moduleOptions(options: StartOptions): SessionModuleOptions {
  const { redis, database } = options;
  return {
    ...options.module,
    redis:
      typeof redis === 'string' ? redis : { nodes: redis.nodes.map(toNode), natMap: redis.natMap },
    database: options.aimable
      ? aim.watch(new DataSource(ledgerDataSourceOptions(database)))
      : database,
  };
}

function toNode(address: string): { host: string; port: number } {
  const [host = '', port] = address.split(':');
  return { host, port: Number(port) };
}

function send(response: Response): void {
  process.send?.(response);
}
