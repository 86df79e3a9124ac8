import { afterAll, beforeAll, describe, test } from '@jest/globals';
import * as fc from 'fast-check';

import { MINUTE, openApplication, type Application } from '../../../support/application.js';
import { useRedis } from '../../../support/use-redis.js';
import { Rotate, SignIn } from './commands/begin.js';
import { LogOutEverywhere, Revoke, SignOut } from './commands/end.js';
import { RunAgain } from './commands/run-again.js';
import { HALF_A_MINUTE, LetAMomentPass, LetTimePass, Sweep } from './commands/time.js';
import { List, LookAt, UpdateData, Validate } from './commands/use.js';
import { expectAllEnded, expectEqual } from './expectations.js';
import { Run } from './run.js';
import { SessionModel, type ModelRules } from './session-model.js';

/** A Cluster takes longer over each. */
const USUAL_RUNS = globalThis.REDIS === 'cluster' ? 60 : 200;
const MAX_COMMANDS = 60;
/** ms: for a busy machine, and for making a failing sequence shorter. */
const PATIENCE = 300_000;

const process_ = fc.nat(1);
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
  .tuple(process_, userId, lifetime, client, data)
  .map((args) => new SignIn(...args));

/** Every operation, and more often what makes the others interesting. */
const commands = fc.commands(
  [
    signIn,
    signIn,
    signIn,
    signIn,
    fc.tuple(process_, session).map((args) => new Validate(...args)),
    fc.tuple(process_, session).map((args) => new Validate(...args)),
    session.map((nth) => new LookAt(nth)),
    userId.map((user) => new List(user)),
    fc.tuple(process_, session, patch).map((args) => new UpdateData(...args)),
    fc.tuple(process_, session).map((args) => new Rotate(...args)),
    fc.tuple(process_, session).map((args) => new SignOut(...args)),
    fc.tuple(process_, session, by).map((args) => new Revoke(...args)),
    fc.tuple(process_, userId, fc.option(session)).map((args) => new LogOutEverywhere(...args)),
    fc.tuple(process_, fc.nat(1)).map((args) => new Sweep(...args)),
    fc.integer({ min: 1, max: 4 }).map((minutes) => new LetTimePass(minutes)),
    fc.constant(new LetAMomentPass()),
    fc.nat(500).map((nth) => new RunAgain(nth)),
    fc.nat(500).map((nth) => new RunAgain(nth)),
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
 * Random sequences of all operations, of time and of scripts that run again, on the store and on
 * a model of it. The seed is printed; a failure says how to see it again:
 *
 *     MODEL_SEED=<seed> MODEL_PATH=<path> MODEL_REPLAY_PATH=<replayPath> npm run jest -- model
 *
 * `MODEL_RUNS` asks for more sequences than usual.
 */
describe('a model of sessions', () => {
  let connections: Application[] = [];
  afterAll(() => Promise.all(connections.map((connection) => connection.close())));
  const ground = useRedis();
  beforeAll(() => {
    connections = [openApplication(ground.redis), openApplication(ground.redis)];
  });

  test(
    'a store that has been through anything equals the model',
    async () => {
      const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31);
      const numRuns = Number(process.env.MODEL_RUNS ?? USUAL_RUNS);
      process.stderr.write(`${ground.redis.name}: ${numRuns} sequences, MODEL_SEED=${seed}\n`);
      const property = fc.asyncProperty(rules, commands, async (given, sequence) => {
        const model = new SessionModel(given);
        const run = Run.start(
          ground.redis,
          connections.map(({ client: open }) => open),
          given,
        );
        await fc.asyncModelRun(() => ({ model, real: run }), sequence);
        await expectEqual(model, run);
        await expectAllEnded(model, run);
      });
      await fc.assert(property, { seed, numRuns, path: process.env.MODEL_PATH });
    },
    PATIENCE,
  );
});
