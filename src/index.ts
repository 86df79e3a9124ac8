export { SessionModule } from './module/session.module.js';
export {
  getSessionAuditToken,
  getSessionCookieToken,
  getSessionHealthToken,
  getSessionServiceToken,
} from './module/tokens.js';
export { SessionError, type SessionErrorCode } from './errors.js';
export { SessionService, type ValidSession } from './session/session.service.js';
export type {
  ClientDetails,
  CreateSessionData,
  Session,
  SessionDataPatch,
  SessionDetails,
  SessionEnd,
  SessionHandle,
  SessionId,
  SessionUser,
  UserLoader,
} from './session/session.js';
export type { JsonObject, JsonValue } from './store/session-record.js';
export type { Duration } from './session/duration.js';
export type {
  AuditOptions,
  DatabaseConnection,
  SessionModuleOptions,
} from './module/session.options.js';
export type { SessionModuleExtras } from './module/module-definition.js';
export { Public, RequireSession } from './http/session.decorators.js';
export type { SessionRequirement } from './http/requirement.js';
export { SessionGuard } from './http/session.guard.js';
export { CurrentSession, CurrentUser, currentSessionOf } from './http/current-session.js';
export { SessionCookie } from './http/session.cookie.js';
export { SessionExceptionFilter } from './http/session-exception.filter.js';
export { SessionRejection, type SessionRejectionCode } from './http/session-rejection.js';
export type { CookieOptions } from './http/cookie-options.js';
export type {
  FastifyReplyLike,
  HttpHeaders,
  HttpRequest,
  HttpResponse,
  NodeResponseLike,
} from './http/http-messages.js';
export type { PolicyName } from './session/policies.js';
export type { UserIdOptions, UserIdType } from './audit/postgres/user-id.js';
export type { RedisClusterConnection, RedisConnection } from './store/connect.js';
export type { RedisClient } from './store/bounded-redis.js';
export type { Overflow } from './store/scripts.js';
export {
  SessionAudit,
  type AdoptReport,
  type BucketBacklog,
  type FlushReport,
  type LedgerHealth,
  type ReconcileOptions,
} from './audit/session-audit.js';
export type { Incident, IncidentDetails, IncidentKind } from './audit/guard/incidents.js';
export type { Adoption, BindingState, EarlierOwners } from './audit/guard/ledger-binding.js';
export type { DeadLetter, RedriveReport } from './audit/drain/dead-letters.js';
export type { RecordedSession, SessionPage } from './audit/queries/history.js';
export type { PageRequest, VerifyRange } from './audit/queries/input.js';
export type { ReconcileReport } from './audit/reconcile/audit-state.js';
export type { LedgerBreak, VerifyReport } from './audit/queries/verifier.js';
export {
  ledgerDataSourceOptions,
  ledgerSchema,
  type LedgerLayout,
} from './audit/postgres/schema.js';
export {
  SessionChainRow,
  SessionDeadLetterRow,
  SessionEventRow,
  SessionIncidentRow,
  SessionLedgerRow,
  SessionRow,
} from './audit/postgres/entities.js';
export { SessionHealth, type SessionHealthResult } from './observability/health.js';
export type { MetricsOptions, MetricsRegistry } from './observability/metrics.js';
