// Jest runs the TypeScript sources as ES modules: swc compiles one file at a time (`npm run types`
// checks types), and the mapper finds `x.ts` for an import of `x.js`, and `x.lua` for `x.lua.js`.
const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: 'es6' },
};

const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts', '.lua'],
  // So that `test:watch` notices a changed script.
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node', 'lua'],
  transform: { '\\.ts$': ['@swc/jest', swc], '\\.lua$': '<rootDir>/dev/lua-modules.mjs' },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};

/** Specs whose guarantees hold on a single Redis and on a Cluster alike: `x.both.spec.ts`. */
const BOTH = '\\.both\\.spec\\.ts$';

const unit = {
  ...common,
  displayName: 'unit',
  roots: ['<rootDir>/src', '<rootDir>/test/unit'],
  testRegex: '\\.spec\\.ts$',
};

const integration = {
  ...common,
  displayName: 'integration',
  roots: ['<rootDir>/test/integration'],
  testRegex: '\\.spec\\.ts$',
  globals: { REDIS: 'single' },
};

const cluster = {
  ...integration,
  displayName: 'cluster',
  testRegex: BOTH,
  globals: { REDIS: 'cluster' },
};

const system = {
  ...common,
  displayName: 'system',
  roots: ['<rootDir>/test/system'],
  testRegex: '\\.spec\\.ts$',
};

/** `REDIS=single` or `REDIS=cluster` runs the `.both` specs on that one only. */
function integrationProjects(redis) {
  switch (redis) {
    case undefined:
    case '':
      return [integration, cluster];
    case 'single':
      return [integration];
    case 'cluster':
      return [{ ...integration, testPathIgnorePatterns: [BOTH] }, cluster];
    default:
      throw new Error(`REDIS is '${redis}': set it to 'single' or 'cluster', or leave it unset.`);
  }
}

export default {
  projects: [unit, ...integrationProjects(process.env.REDIS), system],
  // Servers start within a second; a test that starts several, or repeats a race, needs more.
  // Jest ignores this option inside a project.
  testTimeout: 60_000,
  // Two cores: a third worker would only make the servers' latencies worse.
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/test/support/closing-line.reporter.mjs'],
};

/** How to compile programs outside jest: see `dev/typescript-loader.mjs`. */
export { swc };
