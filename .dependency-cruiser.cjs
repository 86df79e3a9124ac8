// Each folder of src may import only the folders listed here, and the shared files errors.ts and
// option-rules.ts. See ARCHITECTURE.md for the reasons.
const LAYERS = {
  store: [],
  session: ['store'],
  http: ['session'],
  audit: ['store'],
  observability: ['session', 'audit'],
  cli: ['audit', 'store'],
  schematics: [],
  module: ['http', 'session', 'store', 'audit', 'observability'],
  testing: ['module', 'session', 'store', 'audit'],
};
const AUDIT_LAYERS = {
  postgres: [],
  guard: ['postgres'],
  drain: ['guard', 'postgres'],
  queries: ['postgres'],
  reconcile: ['drain', 'guard', 'postgres'],
  jobs: ['reconcile', 'drain', 'guard', 'postgres'],
};

const forbid = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: to },
});

/** `folder` may import `allowed` and what `shared` matches, and nothing else in `parent`. */
const layer = (parent, folder, allowed, shared) => {
  const folders = [folder, ...allowed].map((name) => `${name}/`);
  return forbid(
    `${parent}/${folder} imports only ${allowed.join(', ') || 'shared files'}`,
    `^${parent}/${folder}/`,
    `^${parent}/(?!${[...folders, ...shared].join('|')})`,
  );
};

module.exports = {
  forbidden: [
    { name: 'no circular imports', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(LAYERS).map(([folder, allowed]) =>
      layer('src', folder, allowed, ['compat[.]ts$', 'errors[.]ts$', 'option-rules[.]ts$']),
    ),
    ...Object.entries(AUDIT_LAYERS).map(([folder, allowed]) =>
      layer('src/audit', folder, allowed, ['wait-at-most[.]ts$']),
    ),
    forbid('session-id.ts imports nothing', '^src/store/session-id[.]ts$', '^src/'),
    forbid('errors.ts imports nothing', '^src/errors[.]ts$', '^src/'),
    forbid(
      'option-rules.ts imports only errors.ts',
      '^src/option-rules[.]ts$',
      '^src/(?!errors[.]ts$)',
    ),
    forbid('compat.ts imports nothing', '^src/compat[.]ts$', '^src/'),
    forbid('one-copy.ts imports nothing', '^src/one-copy[.]ts$', '^src/'),
    forbid(
      'only the built entry points import one-copy.ts',
      '^src/(?!one-copy[.]spec)',
      '^src/one-copy[.]ts$',
    ),
    forbid(
      'src imports nothing around it',
      '^src/',
      '^((dev|test|demo|bench|faults|matrix)/|ormconfig[.]ts$)',
    ),
    forbid('dev imports nothing outside dev', '^dev/', '^(src|test|demo|bench|faults|matrix)/'),
    forbid(
      'demo, bench, faults and matrix import the package, not its sources',
      '^(demo|bench|faults|matrix)/',
      '^src/',
    ),
    forbid('only tests import specs', '^(src|dev|demo|bench|faults|matrix)/', '[.]spec[.]ts$'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
};
