import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';
import ts from 'typescript';

/** Within the project, so that the package finds itself and its peers. */
const FOLDER = 'build/snippets';
const SNIPPET = /^```ts\n(.*?)^```/gms;

interface Snippet {
  name: string;
  file: string;
}

function documents(): string[] {
  const docs = readdirSync('docs').filter((file) => file.endsWith('.md'));
  const top = readdirSync('.').filter((file) => file.endsWith('.md'));
  return [...top, ...docs.map((file) => join('docs', file))];
}

function writeSnippets(): Snippet[] {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  return documents().flatMap((document) => {
    const snippets = [...readFileSync(document, 'utf8').matchAll(SNIPPET)];
    return snippets.map(([, code], i) => {
      const file = join(FOLDER, `${document.replace(/\W+/g, '-')}-${i + 1}.ts`);
      // A module of its own, whatever it declares.
      writeFileSync(file, `${code}\nexport {};\n`);
      return { name: `${document}, snippet ${i + 1}`, file };
    });
  });
}

/** As a user's project: strict, and with the package's declarations checked too. */
const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  esModuleInterop: true,
  types: ['node'],
};

describe('The snippets in the docs', () => {
  const snippets = writeSnippets();
  const program = ts.createProgram(
    snippets.map((snippet) => snippet.file),
    OPTIONS,
  );
  afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

  test.each(snippets)('$name is what a user can write', ({ file }) => {
    const source = program.getSourceFile(file)!;
    const problems = ts.getPreEmitDiagnostics(program, source);
    const messages = problems.map((problem) =>
      ts.flattenDiagnosticMessageText(problem.messageText, '\n'),
    );
    expect(messages).toEqual([]);
  });
});
