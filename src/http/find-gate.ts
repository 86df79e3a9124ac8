import type { ModuleRef } from '@nestjs/core';

import { SessionError } from '../errors.js';
import { getSessionAuthenticatorToken } from './gate-token.js';
import type { SessionAuthenticator } from './session.authenticator.js';

/** Gates that were found. Nest looks through all modules, which took a tenth of the guard's time. */
const known = new WeakMap<ModuleRef, Map<string | undefined, SessionAuthenticator>>();

/** The gate of the module of that name, wherever in the application it is imported. */
export function findAuthenticator(modules: ModuleRef, name?: string): SessionAuthenticator {
  let gates = known.get(modules);
  if (!gates) known.set(modules, (gates = new Map()));
  let gate = gates.get(name);
  if (!gate) gates.set(name, (gate = lookUp(modules, name)));
  return gate;
}

function lookUp(modules: ModuleRef, name?: string): SessionAuthenticator {
  try {
    return modules.get<SessionAuthenticator>(getSessionAuthenticatorToken(name), { strict: false });
  } catch (cause) {
    const which =
      name === undefined ? 'no SessionModule without a name' : `no SessionModule '${name}'`;
    throw new SessionError(
      'ERR_SESSION_OPTIONS',
      `@RequireSession: the application has ${which}. Import SessionModule.forRoot(…), or give ` +
        'the `name` of one that it has.',
      { cause },
    );
  }
}
