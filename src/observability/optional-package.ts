/** A package that may not be installed: null then. What else goes wrong is not hidden. */
export async function optionalPackage<T>(load: () => Promise<T>): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Jest's module loader leaves the code of Node's `import()` out of CommonJS packages.
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}
