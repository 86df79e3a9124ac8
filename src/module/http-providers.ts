import type { Provider } from '@nestjs/common';

import { getSessionAuthenticatorToken } from '../http/gate-token.js';
import { SessionCookie } from '../http/session.cookie.js';
import { getSessionCookieToken } from '../http/session-cookie.token.js';
import { SessionAuthenticator } from '../http/session.authenticator.js';
import { SESSION_SETTINGS } from './providers.js';
import type { SessionSettings } from './resolve-options.js';
import type { SessionService } from '../session/session.service.js';
import { getSessionServiceToken } from './tokens.js';

/** What meets requests: the gate behind every guard, and the cookie. */
export function httpProviders(name: string): Provider[] {
  const service = getSessionServiceToken(name);
  const gate = getSessionAuthenticatorToken(name);
  return [
    {
      provide: gate,
      inject: [service, SESSION_SETTINGS],
      useFactory: (sessions: SessionService<unknown>, { cookie }: SessionSettings) =>
        new SessionAuthenticator(sessions, cookie, name),
    },
    {
      provide: getSessionCookieToken(name),
      inject: [service, gate, SESSION_SETTINGS],
      useFactory: (
        sessions: SessionService<unknown>,
        sessionGate: SessionAuthenticator,
        { cookie }: SessionSettings,
      ) => new SessionCookie(sessions, sessionGate, cookie),
    },
  ];
}
