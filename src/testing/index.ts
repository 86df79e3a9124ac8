/**
 * Sessions in memory, for unit tests: `import { SessionTestingModule } from
 * 'nest-session-ledger/testing'`.
 *
 * @module testing
 */
export { SessionTestingModule, type SessionTestingOptions } from './session-testing.module.js';
export { SessionTestingLedger, type SessionTestingEvent } from './session-testing-ledger.js';
export { withSessionsInMemory } from './memory-providers.js';
