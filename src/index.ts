export { SessionModule } from './session.module.js';
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
export type { SessionModuleExtras } from './session.module-definition.js';
export { getSessionServiceToken } from './session/session.tokens.js';
export type { CookieOptions } from './http/cookie-options.js';
export type { PolicyName } from './session/policies.js';
export type { UserIdOptions, UserIdType } from './session/user-id.js';
export type { RedisClusterConnection, RedisConnection } from './store/connect.js';
export type { RedisClient } from './store/redis-client.js';
export type { Overflow } from './store/session-store.js';
