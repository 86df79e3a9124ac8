import type { Script } from '../../src/store/bounded-redis.js';
import { scripts } from '../../src/store/scripts.js';
import type { Application } from './application.js';

/** The position of the first session among the arguments of `create`. Each has SESSION_ARGS. */
export const FIRST_SESSION = 6;
const SESSION_ARGS = 6;

/** One run of a script, with its reply. */
export interface ScriptCall {
  script: Script;
  keys: string[];
  args: (string | number)[];
  reply: unknown;
}

/** Records every script that the application runs from now on, oldest first. */
export function recordScripts(app: Application): ScriptCall[] {
  const calls: ScriptCall[] = [];
  onScript(app, (call) => calls.push(call));
  return calls;
}

/** Calls the listener after every script that the application runs. */
export function onScript(
  { buckets: { redis } }: Application,
  listener: (call: ScriptCall) => void,
): void {
  for (const name of ['run', 'runUnlessMoving'] as const) {
    const run = redis[name].bind(redis);
    redis[name] = async (script, keys, args) => {
      const reply = await run(script, keys, args);
      if (script !== scripts.time) listener({ script, keys, args, reply });
      return reply;
    };
  }
}

/** The last run of this script. */
export function lastCall(calls: ScriptCall[], script: Script): ScriptCall {
  const call = calls.findLast((candidate) => candidate.script === script);
  if (!call) throw new Error(`The script ${script.name} was not run.`);
  return call;
}

/**
 * Runs a script again with the same arguments, as ioredis does after a reconnect.
 *
 * @param passed time (ms) that the test has let pass since; times in the arguments move with it
 */
export async function replay(app: Application, call: ScriptCall, passed = 0): Promise<unknown> {
  const { sha1 } = call.script;
  const args = movedBack(call, passed);
  return app.client.evalsha(sha1, call.keys.length, ...call.keys, ...args);
}

/** Letting time pass moves all stored times back, so times in a request must move as well. */
function movedBack({ script, args }: ScriptCall, passed: number): (string | number)[] {
  const times = timesAmong(script, args);
  return args.map((arg, i) => (times.includes(i) ? Number(arg) - passed : arg));
}

/** The positions of the arguments that are times: see the ARGV of each script. */
function timesAmong(script: Script, args: (string | number)[]): number[] {
  switch (script) {
    case scripts.create:
      return timesOfSessions(args);
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

/** For each session the position of its deadline, and of its expiry unless that is a lifetime. */
function timesOfSessions(args: (string | number)[]): number[] {
  const found: number[] = [];
  for (let i = FIRST_SESSION; i < args.length; i += SESSION_ARGS) {
    found.push(i + 2);
    if (!String(args[i + 3]).startsWith('+')) found.push(i + 3);
  }
  return found;
}

/** The fields of each answer in a reply: `create` has one answer per session, other scripts one. */
export function answersOf(reply: unknown): string[][] {
  return [reply].flat().map((answer) => String(answer).split('\x1f'));
}
