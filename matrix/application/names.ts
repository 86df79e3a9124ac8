/**
 * Exports whose types are inferred from the package. The compiler must be able to name those types in
 * the declaration file, so the package must export all of them.
 */
import {
  currentSessionOf,
  getSessionAuditToken,
  getSessionCookieToken,
  getSessionHealthToken,
  getSessionServiceToken,
  ledgerDataSourceOptions,
  ledgerSchema,
  RequireSession,
  SessionExceptionFilter,
  SessionGuard,
  SessionModule,
  SessionRejection,
  type SessionAudit,
  type SessionCookie,
  type SessionError,
  type SessionHealth,
  type SessionModuleOptions,
  type SessionRequirement,
  type SessionService,
} from 'nest-session-ledger';

export const module = SessionModule.forRoot({ redis: '', database: '', name: 'staff' });
export const later = (options: SessionModuleOptions) =>
  SessionModule.forRootAsync({ useFactory: () => options });
export const optionsOf = (options: SessionModuleOptions) => ({ ...options });

export const sessions = (service: SessionService<{ id: string }>) => ({
  create: () => service.createSession({ userId: '' }),
  validate: () => service.validateSession(''),
  find: () => service.findValidSession(''),
  get: () => service.getSession<{ theme: string }>(''),
  list: () => service.listUserSessions(''),
  rotate: () => service.rotateSession(''),
});

export const trail = (audit: SessionAudit) => ({
  flush: () => audit.flush(),
  verify: () => audit.verify(),
  history: () => audit.history(''),
  activeAt: () => audit.activeAt(new Date()),
  backlog: () => audit.backlog(),
  deadLetters: () => audit.deadLetters(),
  health: () => audit.health(),
});

export const web = (cookie: SessionCookie) => ({
  signIn: cookie.signIn.bind(cookie),
  signOut: cookie.signOut.bind(cookie),
  rotate: cookie.rotate.bind(cookie),
  read: cookie.read.bind(cookie),
  set: cookie.set.bind(cookie),
  clear: cookie.clear.bind(cookie),
});

export const health = (indicator: SessionHealth) => indicator.check('live');
export const codeOf = (error: SessionError | SessionRejection) => error.code;
export const tokens = [
  getSessionServiceToken('staff'),
  getSessionCookieToken('staff'),
  getSessionAuditToken('staff'),
  getSessionHealthToken('staff'),
];
export const database = ledgerDataSourceOptions('');
export const schema = ledgerSchema();
export const StaffOnly = (requirement: SessionRequirement = {}) =>
  RequireSession({ ...requirement, name: 'staff' });
export class Guard extends SessionGuard {}
export class Filter extends SessionExceptionFilter {}
export const userOf = (context: Parameters<typeof currentSessionOf>[0]) =>
  currentSessionOf<{ id: string }>(context)?.user;
export const rejection = (code: SessionRejection['code']) => new SessionRejection(code);
