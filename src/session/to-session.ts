import type { CreatedSession } from '../store/scripts.js';
import { formatHandle, type SessionAddress } from '../store/session-id.js';
import type { SessionRecord } from '../store/session-record.js';
import type { Session, SessionDetails } from './session.js';

/** A new session, with its ID. */
export function toSession(id: string, address: SessionAddress, created: CreatedSession): Session {
  return {
    id,
    handle: formatHandle(address),
    userId: created.userId,
    expiresAt: new Date(created.expiresAt),
    createdAt: new Date(created.createdAt),
  };
}

/** A session as its record describes it. */
export function toDetails(address: SessionAddress, record: SessionRecord): SessionDetails {
  return {
    handle: formatHandle(address),
    userId: record.userId,
    createdAt: new Date(record.createdAt),
    signedInAt: new Date(record.signedInAt),
    lastUsedAt: new Date(record.lastUsedAt),
    expiresAt: new Date(record.expiresAt),
    idleExpiresAt: new Date(record.idleExpiresAt),
    client: {
      ...(record.ip && { ip: record.ip }),
      ...(record.userAgent && { userAgent: record.userAgent }),
    },
    data: record.data,
  };
}
