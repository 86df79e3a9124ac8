import type { Provider } from '@nestjs/common';

import { getSessionGateToken } from './http/gate-token.js';
import { SessionCookie } from './http/session.cookie.js';
import { getSessionCookieToken } from './http/session-cookie.token.js';
import { SessionGate } from './http/session.gate.js';
import { SESSION_SETTINGS } from './session.providers.js';
import type { SessionSettings } from './session.settings.js';
import type { SessionService } from './session/session.service.js';
import { getSessionServiceToken } from './session/session.tokens.js';

/** What meets requests: the gate behind every guard, and the cookie. */
export function httpProviders(name: string): Provider[] {
  const service = getSessionServiceToken(name);
  const gate = getSessionGateToken(name);
  return [
    {
      provide: gate,
      inject: [service, SESSION_SETTINGS],
      useFactory: (sessions: SessionService<unknown>, { cookie }: SessionSettings) =>
        new SessionGate(sessions, cookie, name),
    },
    {
      provide: getSessionCookieToken(name),
      inject: [service, gate, SESSION_SETTINGS],
      useFactory: (
        sessions: SessionService<unknown>,
        sessionGate: SessionGate,
        { cookie }: SessionSettings,
      ) => new SessionCookie(sessions, sessionGate, cookie),
    },
  ];
}
