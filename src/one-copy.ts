import { Module } from '@nestjs/common';

/** Where the builds in a process meet. By name, because each of them has its own modules. */
const COPIES = Symbol.for('nest-session-ledger:copies');

interface Build {
  format: 'esm' | 'cjs';
  version: string;
}

/** The build that was loaded first, and the exports of its entry points. */
interface Copy {
  format: Build['format'];
  entries: Map<string, object>;
}

/** By the copy of Nest that a copy of this package uses; then by version. */
type Copies = WeakMap<object, Map<string, Copy>>;

/**
 * The exports of an entry point: its own, or those of the other build if that was loaded first. So
 * `import` and `require` return the same classes in one process, and a guard finds the module of an
 * application that loads the package both ways.
 *
 * Another copy of Nest has another copy of this package, for example after `jest.resetModules()`,
 * because `SessionRejection` extends a class of Nest. So has another version of this package.
 *
 * @param load returns the entry point's own exports
 * @throws Error if the first entry point was loaded from one build, and this one from the other
 */
export function oneCopy<T extends object>(entry: string, build: Build, load: () => T): T {
  const { format, entries } = copyFor(build);
  const known = entries.get(entry);
  if (known) return known as T;
  if (format !== build.format) throw mixedBuilds(entry, build);
  const own = load();
  entries.set(entry, own);
  return own;
}

function copyFor({ format, version }: Build): Copy {
  const copies = ((globalThis as { [COPIES]?: Copies })[COPIES] ??= new WeakMap());
  let byVersion = copies.get(Module);
  if (!byVersion) copies.set(Module, (byVersion = new Map<string, Copy>()));
  let copy = byVersion.get(version);
  if (!copy) byVersion.set(version, (copy = { format, entries: new Map() }));
  return copy;
}

function mixedBuilds(entry: string, { format }: Build): Error {
  const [how, before] = format === 'esm' ? ['import', 'require'] : ['require', 'import'];
  return new Error(
    `'nest-session-ledger/${entry}' was loaded by ${how}, but 'nest-session-ledger' was first loaded by ` +
      `${before}. Load both in the same way.`,
  );
}
