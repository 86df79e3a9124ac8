import { SessionService } from '../../src/session/session.service.js';
import type { CreateSessionData, Session } from '../../src/session/session.js';

/** Every session ID that a service of this spec file gave out. */
export const issuedIds = new Set<string>();

/** The service, remembering each ID, so that a search can prove that Redis never saw one. */
export class TrackingService extends SessionService {
  override async createSession(data: CreateSessionData): Promise<Session> {
    return remember(await super.createSession(data));
  }

  override async rotateSession(sessionId: string): Promise<Session> {
    return remember(await super.rotateSession(sessionId));
  }
}

function remember(session: Session): Session {
  issuedIds.add(session.id);
  return session;
}
