// Folders are the stages that a request and its event pass; imports run one way:
//   http → session → store ← audit; observability watches the last three.  See ARCHITECTURE.md.
const only = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: to },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    only('store-is-the-ground-floor', '^src/store/', '^src/(http|session|audit)/'),
    only('session-knows-the-store-alone', '^src/session/', '^src/(http|audit)/'),
    only('audit-knows-the-store-alone', '^src/audit/', '^src/(http|session)/'),
    only('http-asks-the-session', '^src/http/', '^src/(store|audit)/'),
    only(
      'only-the-module-knows-observability',
      '^src/(http|session|store|audit)/',
      '^src/observability/',
    ),
    only('observability-leaves-requests-alone', '^src/observability/', '^src/http/'),
    only(
      'stages-do-not-know-the-module',
      '^src/(http|session|store|audit|observability)/',
      '^src/(index|session[.]module)',
    ),
    only('nobody-knows-the-command-line', '^src/(?!cli/)', '^src/cli/'),
    only(
      'the-command-line-asks-the-audit',
      '^src/cli/',
      '^src/(http/|session/|index|session[.]module)',
    ),
    only('src-knows-nothing-around-it', '^src', '^(dev|test|demo|bench|faults)/'),
    only('dev-stands-alone', '^dev', '^(src|test|demo|bench|faults)/'),
    only('users-import-the-package', '^(demo|bench|faults)/', '^src/'),
    only('not-to-test', '^(src|dev|demo|bench|faults)/', '[.]spec[.]ts$'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
};
