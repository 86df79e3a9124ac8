import { afterEach, describe, expect, test } from '@jest/globals';
import { ChildEndedError, startCommand, startProgram } from '../../../dev/child-process.js';
import { isRunning } from '../../../dev/process-table.js';
import type { Example } from './example-child.js';
import { until } from './until.js';

const PROGRAM = new URL('./example-child.ts', import.meta.url);
const children: { kill(): Promise<void> }[] = [];

function startExample(timeout?: number) {
  const child = startProgram<Example>(PROGRAM, { args: ['an argument'], timeout });
  children.push(child);
  return child;
}

function startShell(script: string, timeout?: number) {
  const child = startCommand('/bin/sh', ['-c', script], { timeout });
  children.push(child);
  return child;
}

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
});

describe('a program in a child process', () => {
  test('a TypeScript program answers calls with results and errors', async () => {
    const child = startExample();
    await child.ready();
    expect(await child.call('echo', 'hello', { n: 1 })).toEqual(['an argument', 'hello', { n: 1 }]);
    await expect(child.call('fail', 'on purpose')).rejects.toThrow(/on purpose[^]*example-child/);
    expect(await Promise.all([child.call('wait', 20), child.call('wait', 1)])).toEqual([20, 1]);
  });

  test('calls made before the program is ready are answered', async () => {
    expect(await startExample().call('wait', 1)).toBe(1);
  });

  test('calls fail with its output if the process ends first', async () => {
    const child = startExample();
    const call = child.call('exit', 'last words', 3);
    await expect(call).rejects.toThrow(ChildEndedError);
    await expect(call).rejects.toThrow(/code 3[^]*last words/);
    expect(await child.ended).toMatchObject({ code: 3, signal: null });
    await expect(child.call('wait', 1)).rejects.toThrow(ChildEndedError);
  });

  test('a call that takes too long fails, and the process stays usable', async () => {
    const child = startExample(2_000);
    await child.ready();
    await expect(child.call('wait', 3_000)).rejects.toThrow('did not answer wait() within 2000 ms');
    expect(await child.call('wait', 0)).toBe(0);
  });

  test('a killed process runs none of its closing code', async () => {
    const child = startExample();
    await child.ready();
    await child.kill();
    expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL', output: '' });
  });

  test('a stopped process runs its closing code', async () => {
    const child = startExample();
    await child.ready();
    expect(await child.stop()).toBe(true);
    expect((await child.ended).output).toBe('closed\n');
  });

  test('a process that does not stop in time is killed', async () => {
    const child = startExample();
    await child.ready();
    child.signal('SIGSTOP');
    expect(await child.stop(100)).toBe(false);
    expect((await child.ended).signal).toBe('SIGKILL');
  });

  test('a program that stops serving ends by itself once it has nothing to do', async () => {
    const child = startExample();
    expect(await child.call('finish', 50)).toBe('finishing');
    expect((await child.ended).code).toBe(0);
  });
});

describe('a command in a child process', () => {
  test('its output can be waited for', async () => {
    const child = startShell('echo one; sleep 0.1; echo two >&2; sleep 60');
    expect((await child.waitForOutput(/^t(.+)$/m))[1]).toBe('wo');
    expect(child.output).toBe('one\ntwo\n');
  });

  test('a wait for output fails if the command ends or takes too long', async () => {
    await expect(startShell('echo other').waitForOutput(/this/)).rejects.toThrow(/code 0[^]*other/);
    const silent = startShell('sleep 60', 100);
    await expect(silent.waitForOutput(/this/)).rejects.toThrow('within 100 ms');
  });

  test('a signal reaches the whole process group', async () => {
    const child = startShell('sleep 60 & echo $!; wait');
    const [line] = await child.waitForOutput(/\d+\n/);
    await child.kill();
    await until(() => !isRunning(Number(line)));
  });

  test('a command that does not exist ends at once', async () => {
    const child = startCommand('/nowhere/command', []);
    expect((await child.ended).output).toContain('ENOENT');
    await child.stop();
  });
});
