import type { SessionService } from '../../src/session/session.service.js';

/** Every session ID issued in this spec file, to search for afterwards: no store may hold one. */
export const issuedIds = new Set<string>();

const ISSUING = new Set<PropertyKey>(['createSession', 'rotateSession']);

/** The same service, with each ID that it issues added to `issuedIds`. */
export function trackIds<User>(service: SessionService<User>): SessionService<User> {
  return new Proxy(service, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      return ISSUING.has(name) ? tracked(target, value as IssueSession) : value;
    },
  });
}

type IssueSession = (argument: unknown) => Promise<{ id: string }>;

function tracked<User>(service: SessionService<User>, issue: IssueSession): IssueSession {
  return async (argument) => {
    const session = await issue.call(service, argument);
    issuedIds.add(session.id);
    return session;
  };
}
