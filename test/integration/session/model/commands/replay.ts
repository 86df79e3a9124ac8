import { expect } from '@jest/globals';

import { scripts } from '../../../../../src/store/scripts.js';
import {
  answersOf,
  FIRST_SESSION,
  replay,
  type ScriptCall,
} from '../../../../support/script-calls.js';
import { Command } from '../command.js';
import type { PastCall, Run } from '../run.js';
import type { ModelSession, SessionModel, Span } from '../session-model.js';
import { recordUse } from './use.js';

/** The fields of a script's reply. This model creates sessions one at a time. */
type Reply = string[];

/** Repeats any script call of this run with its original arguments, however late. */
export class Replay extends Command {
  constructor(private readonly nth: number) {
    super();
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    // A rejected sign-in was answered, so ioredis won't send it again.
    const calls = run.calls.filter(({ call }) => hasSucceeded(call));
    const past = calls[this.nth % calls.length];
    if (!past) return;
    const { result, when } = await run.timed(() =>
      replay(past.application, past.call, run.passed - past.passed),
    );
    await applyEffect(model, run, past, answersOf(result)[0]!, when);
  }
}

function hasSucceeded({ script, reply }: ScriptCall): boolean {
  return script !== scripts.create || answersOf(reply)[0]![0] === 'OK';
}

async function applyEffect(
  model: SessionModel,
  run: Run,
  past: PastCall,
  reply: Reply,
  when: Span,
): Promise<void> {
  const { script, args } = past.call;
  switch (script) {
    case scripts.create:
      return expectSameSession(model, String(args[FIRST_SESSION]), run, past, reply, when);
    case scripts.rotate:
      return expectSameSession(model, String(args[2]), run, past, reply, when);
    case scripts.touch:
      return recordUse(model, run, find(model, args[1])!, when);
    case scripts.updateData:
      return applyUpdate(model, past, reply, when);
    case scripts.destroyAll:
      return applyLogOutEverywhere(model, past, when);
    case scripts.sweep:
      return model.sweep(bucketOf(past.call), when[0]);
    default:
      return expect(reply).toEqual(['OK']); // destroy: an ended session stays ended
  }
}

/** The reply is as before while its session is live, or says it came too late. No session is created. */
function expectSameSession(
  model: SessionModel,
  digest: string,
  run: Run,
  past: PastCall,
  reply: Reply,
  when: Span,
): void {
  const first = answersOf(past.call.reply)[0]!;
  const session = find(model, digest);
  if (session && model.isAlive(session, when[0])) expect(reply[0]).toBe('OK');
  if (reply[0] === 'STALE') return expectPast(deadlineOf(past), when);
  expect(reply[0]).toBe(first[0]);
  if (reply[0] !== 'OK') return;
  const times = (from: Reply, passed: number) =>
    from.slice(2, 5).map((time) => Number(time) + passed);
  expect(reply[1]).toBe(first[1]);
  expect(times(reply, run.passed)).toEqual(times(first, past.passed));
}

function applyUpdate(model: SessionModel, past: PastCall, reply: Reply, when: Span): void {
  const [, digest, , , ...fields] = past.call.args.map(String);
  const session = find(model, digest)!;
  if (reply[0] === 'STALE') return expectPast(deadlineOf(past), when);
  expect(deadlineOf(past)).toBeGreaterThanOrEqual(when[0]);
  if (!model.isAlive(session, when[0])) return expect(reply).toEqual(['GONE']);
  expect(reply).toEqual(['OK']);
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [JSON.parse(fields[i]!) as string, fields[i + 1]!];
    model.merge(session, { [name]: value === '' ? undefined : JSON.parse(value) });
  }
  return undefined;
}

function applyLogOutEverywhere(model: SessionModel, { call, passed }: PastCall, when: Span): void {
  const [base, cutoff, spared, , reason, actor] = call.args.map(String);
  const userId = call.keys[3]!.slice(`${base}u:`.length);
  const except = find(model, spared)?.handle ?? '';
  model.endAll(userId, when, Number(cutoff) + passed, except, { reason: reason!, actor: actor! });
}

function find(model: SessionModel, digest: unknown): ModelSession | undefined {
  return model.sessions.find(({ handle }) => handle.slice(2) === digest);
}

function deadlineOf({ call, passed }: PastCall): number {
  const position = { create: FIRST_SESSION + 2, rotate: 4, 'update-data': 3 }[call.script.name]!;
  return Number(call.args[position]) + passed;
}

function expectPast(deadline: number, [, to]: Span): void {
  expect(deadline).toBeLessThan(to);
}

function bucketOf({ args }: ScriptCall): number {
  return Number(/\{(\d+)\}/.exec(String(args[0]))![1]);
}
