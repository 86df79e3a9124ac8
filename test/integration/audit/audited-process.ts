import type { LoggerService } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';

import {
  SessionAudit,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
} from '../../../src/index.js';
import { SessionStore } from '../../../src/store/session-store.js';
import { issuedIds } from '../../support/issued-ids.js';

export interface ProcessOptions extends Partial<SessionModuleOptions> {
  /** Where its log lines go. Default: nowhere. */
  logger?: LoggerService;
}

/** A process of the application, with the whole module in it. */
export interface AuditedProcess {
  readonly sessions: SessionService;
  readonly audit: SessionAudit;
  readonly store: SessionStore;
  /** As Nest does on SIGTERM. Returns how long it took, ms. */
  close(): Promise<number>;
}

const silent: LoggerService = { log: () => {}, error: () => {}, warn: () => {} };

export async function startProcess({
  logger = silent,
  ...options
}: ProcessOptions & Pick<SessionModuleOptions, 'redis'>): Promise<AuditedProcess> {
  const nest = await Test.createTestingModule({ imports: [SessionModule.forRoot(options)] })
    .setLogger(logger)
    .compile();
  await nest.init();
  let closing: Promise<number> | undefined;
  return {
    sessions: remembering(nest.get(SessionService)),
    audit: nest.get(SessionAudit),
    store: nest.get(SessionStore),
    close: () => (closing ??= timed(nest)),
  };
}

async function timed(nest: TestingModule): Promise<number> {
  const from = performance.now();
  await nest.close();
  return performance.now() - from;
}

/** Remembers each ID, so that a search can prove that no store ever saw one. */
function remembering(sessions: SessionService): SessionService {
  for (const method of ['createSession', 'rotateSession'] as const) {
    const begin = sessions[method].bind(sessions) as (argument: never) => Promise<{ id: string }>;
    const remember = async (argument: never) => {
      const session = await begin(argument);
      issuedIds.add(session.id);
      return session;
    };
    Object.assign(sessions, { [method]: remember });
  }
  return sessions;
}
