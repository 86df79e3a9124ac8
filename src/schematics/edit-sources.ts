import { createRequire } from 'node:module';
import { join } from 'node:path';

import type { ArrayLiteralExpression, Node, ObjectLiteralExpression } from 'typescript';

type TypeScript = typeof import('typescript');

interface Insertion {
  position: number;
  text: string;
}

/**
 * Adds elements to lists of the first `@Module({ … })`, and import statements.
 *
 * @param elements by the name of the list
 * @returns null if there is no such decorator, or if one of the lists isn't an array literal
 */
export function addToModule(
  text: string,
  elements: Record<string, string>,
  imports: string[],
): string | null {
  const ts = applicationsTypeScript();
  const source = ts.createSourceFile('app.module.ts', text, ts.ScriptTarget.Latest, true);
  const metadata = findMetadata(ts, source);
  if (!metadata) return null;
  const insertions: Insertion[] = [];
  for (const [name, element] of Object.entries(elements)) {
    const insertion = insertionInto(ts, metadata, name, element);
    if (!insertion) return null;
    insertions.push(insertion);
  }
  const last = source.statements.findLast(ts.isImportDeclaration);
  const lines = imports.join('\n');
  insertions.push(
    last ? { position: last.end, text: `\n${lines}` } : { position: 0, text: `${lines}\n\n` },
  );
  return insertAll(text, insertions);
}

/** Inserts `app.<call>;` before the line that awaits `app.listen`. Null if there is no such line. */
export function callBeforeListen(text: string, call: string): string | null {
  const found = /^([ \t]*)await (\w+)\.listen\(/m.exec(text);
  if (!found) return null;
  const [, indent, app] = found;
  return insertAll(text, [{ position: found.index, text: `${indent}${app}.${call};\n` }]);
}

/** The application has TypeScript; the Nest command line would not find that of this package. */
function applicationsTypeScript(): TypeScript {
  return createRequire(join(process.cwd(), 'package.json'))('typescript') as TypeScript;
}

function findMetadata(ts: TypeScript, node: Node): ObjectLiteralExpression | undefined {
  if (
    ts.isDecorator(node) &&
    ts.isCallExpression(node.expression) &&
    node.expression.expression.getText() === 'Module'
  ) {
    const [argument] = node.expression.arguments;
    return argument && ts.isObjectLiteralExpression(argument) ? argument : undefined;
  }
  return ts.forEachChild(node, (child) => findMetadata(ts, child));
}

function insertionInto(
  ts: TypeScript,
  metadata: ObjectLiteralExpression,
  name: string,
  element: string,
): Insertion | null {
  const property = metadata.properties.find((each) => each.name?.getText() === name);
  if (!property) {
    const end = metadata.properties.length === 0 ? '\n' : '';
    return { position: metadata.getStart() + 1, text: `\n  ${name}: [${element}],${end}` };
  }
  if (!ts.isPropertyAssignment(property)) return null;
  const { initializer } = property;
  return ts.isArrayLiteralExpression(initializer) ? insertionIntoList(initializer, element) : null;
}

function insertionIntoList(list: ArrayLiteralExpression, element: string): Insertion {
  const last = list.elements.at(-1);
  if (!last) return { position: list.getStart() + 1, text: element };
  const before = last.getFullText().slice(0, last.getLeadingTriviaWidth());
  const [lineBreak = ' '] = /\n[ \t]*$/.exec(before) ?? [];
  return { position: last.end, text: `,${lineBreak}${element}` };
}

/** Inserts from the end to the start, in the line endings of the text. */
function insertAll(text: string, insertions: Insertion[]): string {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  return insertions
    .toSorted((a, b) => b.position - a.position)
    .reduce(
      (result, { position, text: added }) =>
        result.slice(0, position) + added.replaceAll('\n', lineEnd) + result.slice(position),
      text,
    );
}
