import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { madeOnce } from '../../../dev/made-once.js';

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'made-once-'));
});

afterEach(() => rmSync(parent, { recursive: true }));

const fill = (scratch: string) => writeFile(join(scratch, 'file'), 'complete');

test('makes the folder the first time only', async () => {
  const folder = join(parent, 'made');
  await madeOnce(folder, fill);
  await madeOnce(folder, () => Promise.reject(new Error('made a second time')));
  expect(readdirSync(folder)).toEqual(['file']);
});

test('two at once leave one complete folder and no scratch', async () => {
  const folder = join(parent, 'made');
  await Promise.all([madeOnce(folder, fill), madeOnce(folder, fill), madeOnce(folder, fill)]);
  expect(readdirSync(parent)).toEqual(['made']);
  expect(readdirSync(folder)).toEqual(['file']);
});

test('what fails half-way leaves nothing', async () => {
  const folder = join(parent, 'made');
  const half = async (scratch: string) => {
    await fill(scratch);
    throw new Error('no network');
  };
  await expect(madeOnce(folder, half)).rejects.toThrow('no network');
  expect(readdirSync(parent)).toEqual([]);
});
