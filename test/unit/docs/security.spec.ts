import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const project = join(import.meta.dirname, '..', '..', '..');
const text = readFileSync(join(project, 'docs', 'security.md'), 'utf8');

/** Tests are named as `file.ts`: _title_ or `file.ts`: *title*. */
const TEST = /`((?:src|test)\/[\w/.-]+\.ts)`: ([_*])(.+?)\2(?=[;.]|\s+\|)/g;
const named = [...text.matchAll(TEST)].map(([, file, , title]) => [file!, title!] as const);

describe('docs/security.md', () => {
  test('docs/security.md names every test in the form that is checked here', () => {
    const files = text.match(/`(?:src|test)\/[\w/.-]+\.ts`/g) ?? [];
    expect(named.length).toBe(files.length);
    expect(named.length).toBeGreaterThan(40);
  });

  test.each(named)('%s contains the test: %s', (file, title) => {
    const source = readFileSync(join(project, file), 'utf8');
    const titles = [`('${title}'`, `("${title}"`, `'${title}',`].filter((each) =>
      source.replaceAll(/\(\s+/g, '(').includes(each),
    );
    expect(titles).not.toEqual([]);
  });
});
