import { expect } from '@jest/globals';

import { SessionService } from '../../src/session/session.service.js';
import { MemorySessionStore } from '../../src/testing/memory-session-store.js';
import { MemorySessions } from '../../src/testing/memory-sessions.js';
import { settingsOf, type ApplicationOptions } from './application.js';
import type { ContractApplication } from './contract-application.js';
import { eventFaults } from './invariants.js';
import { issuedIds, trackIds } from './issued-ids.js';

/** What applications with the same prefix share. */
const memories = new Map<string, MemorySessions>();

/** An application as `openApplication` opens it, with its sessions in memory. */
export function openInMemory(options: ApplicationOptions = {}): ContractApplication {
  const { prefix, count, rules, service: settings } = settingsOf(options);
  const memory = memories.get(prefix) ?? new MemorySessions();
  memories.set(prefix, memory);
  const store = new MemorySessionStore(memory, rules, count);
  return {
    service: trackIds(new SessionService(store, settings)),
    prefix,
    events: async () => [...memory.events],
    eventsOf: async (handle) => memory.events.filter((event) => event.handle === handle),
    now: async () => memory.now,
    letTimePass: async (ms) => memory.letTimePass(ms),
    moved: () => 0,
    async sweep() {
      memory.sweep();
      return false;
    },
    sweepAll: async () => memory.sweep(),
    stored: async () => structuredClone([...memory.live, ...memory.events]),
    storedSessions: async () => [...memory.live],
    expectInvariants: async () => expectConsistent(memory),
    close: async () => undefined,
  };
}

function expectConsistent(memory: MemorySessions): void {
  const live = new Map(
    [...memory.live].map(([handle, { idleExpiresAt }]) => [handle, idleExpiresAt]),
  );
  expect([...eventFaults(memory.events, live)].slice(0, 10)).toEqual([]);
  const text = JSON.stringify([[...memory.live], memory.events]);
  expect([...issuedIds].filter((id) => text.includes(id))).toEqual([]);
}
