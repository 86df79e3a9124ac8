import type { Script } from '../../src/store/bounded-redis.js';
import { scripts } from '../../src/store/scripts.js';
import type { Application } from './application.js';

/** Where the sessions start among the arguments of create, and how many each of them has. */
export const FIRST_SESSION = 6;
const SESSION_ARGS = 6;

/** A script as it was run, and what it replied. */
export interface ScriptCall {
  script: Script;
  keys: string[];
  args: (string | number)[];
  reply: unknown;
}

/** Remembers every script that the application runs from now on, the newest last. */
export function recordScripts(app: Application): ScriptCall[] {
  const calls: ScriptCall[] = [];
  onScript(app, (call) => calls.push(call));
  return calls;
}

/** Tells of every script that the application has run. */
export function onScript({ store }: Application, tell: (call: ScriptCall) => void): void {
  const run = store.buckets.redis.run.bind(store.buckets.redis);
  store.buckets.redis.run = async (script, keys, args) => {
    const reply = await run(script, keys, args);
    if (script !== scripts.time) tell({ script, keys, args, reply });
    return reply;
  };
}

/** The last run of a script. */
export function lastCall(calls: ScriptCall[], script: Script): ScriptCall {
  const call = calls.findLast((candidate) => candidate.script === script);
  if (!call) throw new Error(`The script ${script.name} was not run.`);
  return call;
}

/**
 * Runs a script once more with the same arguments, as ioredis does when it reconnects.
 *
 * @param passed ms that a test has let pass since; the moments among the arguments move with it
 */
export async function replay(app: Application, call: ScriptCall, passed = 0): Promise<unknown> {
  const { sha1 } = call.script;
  const args = movedBack(call, passed);
  return app.client.evalsha(sha1, call.keys.length, ...call.keys, ...args);
}

/** To let time pass is to move all stored moments back, so those in a request move as well. */
function movedBack({ script, args }: ScriptCall, passed: number): (string | number)[] {
  const moments = momentsAmong(script, args);
  return args.map((arg, i) => (moments.includes(i) ? Number(arg) - passed : arg));
}

/** Which arguments are moments: see the ARGV of each script. */
function momentsAmong(script: Script, args: (string | number)[]): number[] {
  switch (script) {
    case scripts.create:
      return momentsOfSessions(args);
    case scripts.rotate:
      return [4];
    case scripts.updateData:
      return [3];
    case scripts.destroyAll:
      return [1];
    default:
      return [];
  }
}

/** For each session its deadline, and its expiry if that is a moment and not a lifetime. */
function momentsOfSessions(args: (string | number)[]): number[] {
  const found: number[] = [];
  for (let i = FIRST_SESSION; i < args.length; i += SESSION_ARGS) {
    found.push(i + 2);
    if (!String(args[i + 3]).startsWith('+')) found.push(i + 3);
  }
  return found;
}

/** A script's answers, by field: create gives one for each session, the others one. */
export function answersOf(reply: unknown): string[][] {
  return [reply].flat().map((answer) => String(answer).split('\x1f'));
}
