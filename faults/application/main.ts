import { shiftClock } from './wrong-clock.js'; // must come first

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

import { serveCalls } from '../../dev/child-calls.js';
import { block, CommitFaults } from './commit-faults.js';
import { perform, type Services } from './perform.js';
import type { ApplicationMethods, StartOptions } from './protocol.js';
import { useShortLocks } from './short-locks.js';

// One process of the application under test.

const commitFaults = new CommitFaults();
let application: INestApplicationContext | undefined;
let resolveServices!: (services: Services) => void;
const services = new Promise<Services>((resolve) => (resolveServices = resolve));

serveCalls<ApplicationMethods>(
  {
    start,
    perform: async (operation) => perform(await services, operation),
    shiftClock: async (ms) => shiftClock(ms),
    block: async (ms) => block(ms),
    armCommitFault: (fault) => commitFaults.arm(fault),
  },
  async () => application?.close(),
);

async function start(options: StartOptions): Promise<void> {
  shiftClock(options.clockShift);
  if (options.shortLocks) useShortLocks();
  // The application doesn't start while Redis is down. A supervisor would retry, too.
  while (!application) application = await tryToStart(options);
  resolveServices({
    sessions: application.get(SessionService),
    audit: application.get(SessionAudit),
  });
}

async function tryToStart(options: StartOptions): Promise<INestApplicationContext | undefined> {
  const module = SessionModule.forRoot(moduleOptions(options));
  try {
    return await NestFactory.createApplicationContext(module, {
      logger: ['fatal'],
      abortOnError: false,
    });
  } catch (error) {
    console.error(`The application did not start: ${String(error)}`);
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
    database: options.commitFaults
      ? commitFaults.watch(new DataSource(ledgerDataSourceOptions(database)))
      : database,
  };
}

function toNode(address: string): { host: string; port: number } {
  const [host = '', port] = address.split(':');
  return { host, port: Number(port) };
}
