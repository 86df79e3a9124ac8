import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createProject, nest11, nest12, type NewProject } from './new-project.js';

/** `unitTests` counts those of docs/testing.md and, on Nest 12, the one that `nest new` made. */
const PROJECTS = [
  { name: 'Nest 11 with Jest and CommonJS', template: nest11, unitTests: 8 },
  { name: 'Nest 12 with Vitest and ES modules', template: nest12, unitTests: 9 },
];

/**
 * The application of docs/testing.md, tested as its page shows: in new projects outside this
 * repository, with the packed package, and without a server.
 */
describe('an application that is tested with sessions in memory', () => {
  let projects: NewProject[] = [];
  beforeAll(async () => {
    projects = await Promise.all(PROJECTS.map(({ template }) => createProject(template)));
  }, 240_000);
  afterAll(() => {
    for (const project of projects) project.remove();
  });

  describe.each(PROJECTS.map((each, n) => ({ ...each, n })))('on $name', ({ n, unitTests }) => {
    test("the documented unit tests pass, with the project's own script", async () => {
      const output = await projects[n]!.npm('test');
      expect(output).toMatch(new RegExp(`Tests:? +${unitTests} passed`));
    }, 120_000);

    test('the documented test of the whole application passes', async () => {
      const output = await projects[n]!.npm('run', 'test:e2e');
      expect(output).toMatch(/Tests:? +1 passed/);
    }, 120_000);

    test('the documented files compile in strict mode', async () => {
      await projects[n]!.npm('exec', '--', 'tsc', '--noEmit', '--strict');
    }, 120_000);
  });
});
