/**
 * The part of Angular's `Tree`, an application's files, that is used. The package doesn't depend on
 * `@angular-devkit/schematics`: the Nest command line brings it.
 */
export interface Tree {
  exists(path: string): boolean;
  read(path: string): { toString(): string } | null;
  create(path: string, content: string): void;
  overwrite(path: string, content: string): void;
}

/** Null if there is no such file. */
export function textOf(tree: Tree, path: string): string | null {
  return tree.read(path)?.toString() ?? null;
}
