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

/**
 * Specs that also run on the sessions in memory of `nest-session-ledger/testing`: what applications
 * can rely on is one suite for both. See `test/support/use-contract.ts`.
 */
const CONTRACT = [
  'session/(creating|data|ending|expiry|finding|idle-timeout|input|limit|rotating)',
  'session/model/model',
  'http/(guard|cookie|cross-site|decorators|sockets)',
  'module/policies',
  'audit/recorded-sessions',
];

const memory = {
  ...integration,
  displayName: 'memory',
  testRegex: CONTRACT.map((spec) => `/${spec}(\\.both)?\\.spec\\.ts$`),
  globals: { REDIS: 'memory' },
};

const system = {
  ...common,
  displayName: 'system',
  roots: ['<rootDir>/test/system'],
  testRegex: '\\.spec\\.ts$',
};

/** `REDIS=single`, `REDIS=cluster` or `REDIS=memory` runs the specs of several projects in that one only. */
function integrationProjects(redis) {
  switch (redis) {
    case undefined:
    case '':
      return [integration, cluster, memory];
    case 'single':
      return [integration];
    case 'cluster':
      return [{ ...integration, testPathIgnorePatterns: [BOTH] }, cluster];
    case 'memory':
      return [memory];
    default:
      throw new Error(
        `REDIS is '${redis}': set it to 'single', 'cluster' or 'memory', or leave it unset.`,
      );
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
