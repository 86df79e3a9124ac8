import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';
import ts from 'typescript';

/** Inside the project, so that imports of the package and of its peers resolve. */
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
      // `export {}` makes it a module, so that snippets can declare the same names.
      writeFileSync(file, `${code}\nexport {};\n`);
      return { name: `${document}, snippet ${i + 1}`, file };
    });
  });
}

/** The options of a strict project. */
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

describe('The TypeScript snippets in the docs', () => {
  const snippets = writeSnippets();
  const program = ts.createProgram(
    snippets.map((snippet) => snippet.file),
    OPTIONS,
  );
  afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

  test.each(snippets)('$name compiles in a strict project', ({ file }) => {
    const source = program.getSourceFile(file)!;
    const problems = ts.getPreEmitDiagnostics(program, source);
    const messages = problems.map((problem) =>
      ts.flattenDiagnosticMessageText(problem.messageText, '\n'),
    );
    expect(messages).toEqual([]);
  });
});
