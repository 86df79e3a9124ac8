import { Module } from '@nestjs/common';

/** Where the builds in a process meet. By name, because each of them has its own modules. */
const COPIES = Symbol.for('nest-session-ledger:copies');

type Format = 'esm' | 'cjs';

/** The build that was loaded first, and the exports of its entry points. */
interface Copy {
  format: Format;
  entries: Map<string, object>;
}

/** By the copy of Nest that a copy of this package uses; then by version. */
type Copies = WeakMap<object, Map<string, Copy>>;

/**
 * The exports of an entry point: those of the build that was loaded first. So `import` and `require`
 * return the same classes in one process, and a guard finds the module of an application that loads
 * the package both ways.
 *
 * Another copy of Nest has another copy of this package, for example after `jest.resetModules()`,
 * because `SessionRejection` extends a class of Nest. So has another version of this package.
 *
 * @param entry its name; `.`, the main one, is loaded before any other
 * @param build the build and version of the caller
 * @param loaders return the entry point's exports in each build. The main one needs only its own.
 */
export function oneCopy<T extends object>(
  entry: string,
  { format, version }: { format: Format; version: string },
  loaders: { [F in Format]?: () => T },
): T {
  const versions = versionsInUse();
  const copy = versions.get(version) ?? { format, entries: new Map<string, object>() };
  const known = copy.entries.get(entry);
  if (known) return known as T;
  const loaded = loaders[copy.format]!();
  copy.entries.set(entry, loaded);
  versions.set(version, copy);
  return loaded;
}

function versionsInUse(): Map<string, Copy> {
  const copies = ((globalThis as { [COPIES]?: Copies })[COPIES] ??= new WeakMap());
  let versions = copies.get(Module);
  if (!versions) copies.set(Module, (versions = new Map<string, Copy>()));
  return versions;
}
