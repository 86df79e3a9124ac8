export { SessionError, type SessionErrorCode } from './session.errors.js';
export { SessionService, type ValidSession } from './session/session.service.js';
export type {
  ClientDetails,
  CreateSessionData,
  Session,
  SessionDataPatch,
  SessionDetails,
  SessionEnd,
  SessionUser,
  UserLoader,
} from './session/session.js';
export type { JsonObject, JsonValue } from './store/session-record.js';
export type { Duration } from './session/duration.js';
export type { AuditOptions, DatabaseConnection, SessionModuleOptions } from './session.options.js';
