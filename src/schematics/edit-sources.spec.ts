import { describe, expect, it } from '@jest/globals';

import { addToModule, callBeforeListen } from './edit-sources.js';

const edit = (text: string) =>
  addToModule(text, { imports: 'X.forRoot(x)', controllers: 'C' }, ["import { X } from 'x';"]);

describe('addToModule', () => {
  it('adds to lists with and without elements, before a trailing comma', () => {
    expect(
      edit(`import { Module } from '@nestjs/common';

@Module({
  imports: [
    A.forRoot({ list: [1] }), // first
    B,
  ],
  controllers: [],
})
export class AppModule {}
`),
    ).toBe(`import { Module } from '@nestjs/common';
import { X } from 'x';

@Module({
  imports: [
    A.forRoot({ list: [1] }), // first
    B,
    X.forRoot(x),
  ],
  controllers: [C],
})
export class AppModule {}
`);
  });

  it('adds lists that are missing', () => {
    expect(edit('@Module({ providers: [] }) class M {}')).toBe(
      "import { X } from 'x';\n\n@Module({\n  controllers: [C],\n  imports: [X.forRoot(x)], providers: [] }) class M {}",
    );
    expect(edit('@Module({}) class M {}')).toContain('controllers: [C],');
  });

  it('keeps the line endings of Windows', () => {
    expect(edit("import 'a';\r\n@Module({ imports: [A], controllers: [B] }) class M {}")).toBe(
      "import 'a';\r\nimport { X } from 'x';\r\n@Module({ imports: [A, X.forRoot(x)], controllers: [B, C] }) class M {}",
    );
  });

  it.each([
    ['a module whose imports are a variable', '@Module({ imports: all }) class M {}'],
    ['a module whose imports are a shorthand', '@Module({ imports }) class M {}'],
    ['a module whose metadata is a variable', '@Module(metadata) class M {}'],
    ['a file without a module', 'export const x = 1;'],
  ])('does not touch %s', (_, text) => {
    expect(edit(text)).toBeNull();
  });
});

describe('callBeforeListen', () => {
  it('adds the call before the application listens', () => {
    expect(
      callBeforeListen('  const server = await create();\n  await server.listen(1);', 'f()'),
    ).toBe('  const server = await create();\n  server.f();\n  await server.listen(1);');
  });

  it('does not touch a file that has no such line', () => {
    expect(callBeforeListen('start().listen(1);', 'f()')).toBeNull();
  });
});
