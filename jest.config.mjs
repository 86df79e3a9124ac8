// Jest runs the TypeScript sources as ES modules: swc compiles a file at a time (types are
// checked by `npm run types`), and the mapper finds `x.ts` for an import of `x.js`.
const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: 'es6' },
};

export default {
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testRegex: '\\.spec\\.ts$',
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Servers start within a second; a test that starts several, or repeats a race, needs more.
  testTimeout: 60_000,
  // Two cores: a third worker would only make the servers' latencies worse.
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/test/support/closing-line.reporter.mjs'],
};
