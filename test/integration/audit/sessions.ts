import type { Session } from '../../../src/index.js';
import type { AuditedProcess } from './audited-process.js';

/** Begins many sessions, a user each, and ends them again. */
export async function beginAndEnd(app: AuditedProcess, count: number): Promise<void> {
  const begun = await begin(app, count);
  await Promise.all(begun.map(({ id }) => app.sessions.destroySession(id)));
}

/** Begins many sessions, a user each. */
export function begin(app: AuditedProcess, count: number): Promise<Session[]> {
  const users = Array.from({ length: count }, (_, i) => `user ${i}`);
  return Promise.all(users.map((userId) => app.sessions.createSession({ userId })));
}
