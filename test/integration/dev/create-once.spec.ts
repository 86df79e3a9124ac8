import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createOnce } from '../../../dev/create-once.js';

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'create-once-'));
});

afterEach(() => rmSync(parent, { recursive: true }));

const fill = (scratch: string) => writeFile(join(scratch, 'file'), 'complete');

test('createOnce creates the folder only the first time', async () => {
  const folder = join(parent, 'folder');
  await createOnce(folder, fill);
  await createOnce(folder, () => Promise.reject(new Error('filled a second time')));
  expect(readdirSync(folder)).toEqual(['file']);
});

test('concurrent calls leave one complete folder and no scratch folder', async () => {
  const folder = join(parent, 'folder');
  await Promise.all([createOnce(folder, fill), createOnce(folder, fill), createOnce(folder, fill)]);
  expect(readdirSync(parent)).toEqual(['folder']);
  expect(readdirSync(folder)).toEqual(['file']);
});

test('a call that fails leaves no folder', async () => {
  const folder = join(parent, 'folder');
  const half = async (scratch: string) => {
    await fill(scratch);
    throw new Error('no network');
  };
  await expect(createOnce(folder, half)).rejects.toThrow('no network');
  expect(readdirSync(parent)).toEqual([]);
});
