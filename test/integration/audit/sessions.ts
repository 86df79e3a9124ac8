import type { Session } from '../../../src/index.js';
import type { NestProcess } from '../../support/nest-application.js';

/** Creates `count` sessions, each for a different user, and destroys them. */
export async function createAndDestroySessions(app: NestProcess, count: number): Promise<void> {
  const sessions = await createSessions(app, count);
  await Promise.all(sessions.map(({ id }) => app.sessions.destroySession(id)));
}

/** Creates `count` sessions, each for a different user. */
export function createSessions(app: NestProcess, count: number): Promise<Session[]> {
  const users = Array.from({ length: count }, (_, i) => `user ${i}`);
  return Promise.all(users.map((userId) => app.sessions.createSession({ userId })));
}
