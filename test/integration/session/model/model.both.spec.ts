import { describe, test } from '@jest/globals';
import * as fc from 'fast-check';

import type { RedisClient } from '../../../../src/store/bounded-redis.js';
import { openOnRedis } from '../../../support/contract-application.js';
import { MINUTE } from '../../../support/durations.js';
import { openInMemory } from '../../../support/memory-application.js';
import { onScript } from '../../../support/script-calls.js';
import { inMemory, useContract } from '../../../support/use-contract.js';
import { Rotate, SignIn } from './commands/create.js';
import { LogOutEverywhere, Revoke, SignOut } from './commands/end.js';
import { Replay } from './commands/replay.js';
import { HALF_A_MINUTE, LetSecondsPass, LetTimePass, Sweep } from './commands/time.js';
import { List, GetDetails, UpdateData, Validate } from './commands/use.js';
import { expectAllEnded, expectEqual } from './expectations.js';
import { Run, type OpenProcess } from './run.js';
import { SessionModel, type ModelRules } from './session-model.js';

/** Sequences take longer on a Cluster. */
const USUAL_RUNS = globalThis.REDIS === 'cluster' ? 60 : 200;
const MAX_COMMANDS = 60;
/** For a busy machine, and to shrink a failing sequence (ms). */
const TIMEOUT = 300_000;

const processNumber = fc.nat(1);
const session = fc.nat(MAX_COMMANDS);
const userId = fc.constantFrom('ada', '{0}:x*');
const lifetime = fc.nat(6).map((minutes) => minutes * MINUTE + HALF_A_MINUTE);
const client = fc.record({
  ip: fc.constantFrom('', '203.0.113.7', '2001:db8::1'),
  userAgent: fc.constantFrom('', 'Firefox/140', '🦊'),
});
const field = fc.constantFrom('a', 'b', '__proto__', 'é\u001f');
const value = fc.oneof(fc.integer(), fc.string({ unit: 'binary' }), fc.constant(null));
const data = fc.dictionary(field, value, { maxKeys: 3, noNullPrototype: true });
const patch = fc.dictionary(field, fc.option(value, { nil: undefined }), {
  maxKeys: 3,
  noNullPrototype: true,
});
const by = fc.record({
  reason: fc.constantFrom('stolen', 'left the company'),
  actor: fc.constantFrom('', 'admin'),
});

const signIn = fc
  .tuple(processNumber, userId, lifetime, client, data)
  .map((args) => new SignIn(...args));

/** Every operation; those that make the others more interesting are drawn more often. */
const commands = fc.commands(
  [
    signIn,
    signIn,
    signIn,
    signIn,
    fc.tuple(processNumber, session).map((args) => new Validate(...args)),
    fc.tuple(processNumber, session).map((args) => new Validate(...args)),
    session.map((nth) => new GetDetails(nth)),
    userId.map((user) => new List(user)),
    fc.tuple(processNumber, session, patch).map((args) => new UpdateData(...args)),
    fc.tuple(processNumber, session).map((args) => new Rotate(...args)),
    fc.tuple(processNumber, session).map((args) => new SignOut(...args)),
    fc.tuple(processNumber, session, by).map((args) => new Revoke(...args)),
    fc
      .tuple(processNumber, userId, fc.option(session))
      .map((args) => new LogOutEverywhere(...args)),
    fc.tuple(processNumber, fc.nat(1)).map((args) => new Sweep(...args)),
    fc.integer({ min: 1, max: 4 }).map((minutes) => new LetTimePass(minutes)),
    fc.constant(new LetSecondsPass()),
    fc.nat(500).map((nth) => new Replay(nth)),
    fc.nat(500).map((nth) => new Replay(nth)),
  ],
  { maxCommands: MAX_COMMANDS, size: 'max', replayPath: process.env.MODEL_REPLAY_PATH },
);

const rules: fc.Arbitrary<ModelRules> = fc.record({
  idleTimeout: fc.constantFrom(0, 2 * MINUTE + HALF_A_MINUTE),
  maxSessionsPerUser: fc.constantFrom(0, 1, 2, 3),
  overflow: fc.constantFrom('evict-oldest', 'reject'),
  buckets: fc.constantFrom(1, 2),
});

/**
 * Runs random sequences of operations, passing time and replayed scripts, on the store and on a
 * model of it. The seed is printed. To repeat a failure:
 *
 *     MODEL_SEED=<seed> MODEL_PATH=<path> MODEL_REPLAY_PATH=<replayPath> npm run jest -- model
 *
 * `MODEL_RUNS` sets the number of sequences.
 */
describe('a model of sessions', () => {
  const fixture = useContract();

  /** Opens processes over these connections, because 400 processes would open too many. */
  const openProcesses =
    (clients: RedisClient[]): OpenProcess =>
    (n, options, onCall) => {
      const opened = openOnRedis(fixture.redis, { ...options, connection: clients[n] });
      onScript(opened.application, (call) => onCall(call, opened.application));
      return opened;
    };

  test(
    'any sequence of operations leaves the store equal to the model',
    async () => {
      const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31);
      const numRuns = Number(process.env.MODEL_RUNS ?? USUAL_RUNS);
      process.stderr.write(`${globalThis.REDIS}: ${numRuns} sequences, MODEL_SEED=${seed}\n`);
      const open: OpenProcess = inMemory
        ? (_, options) => openInMemory(options)
        : openProcesses([0, 1].map(() => fixture.openOnRedis().application.client));
      const property = fc.asyncProperty(rules, commands, async (given, sequence) => {
        const model = new SessionModel(given);
        const run = Run.start(open, given);
        await fc.asyncModelRun(() => ({ model, real: run }), sequence);
        await expectEqual(model, run);
        await expectAllEnded(model, run);
      });
      await fc.assert(property, { seed, numRuns, path: process.env.MODEL_PATH });
    },
    TIMEOUT,
  );
});
