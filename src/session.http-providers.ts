import type { InjectionToken, Provider } from '@nestjs/common';

import { getSessionGateToken } from './http/gate-token.js';
import { SessionCookie } from './http/session.cookie.js';
import { SessionGate } from './http/session.gate.js';
import { SESSION_SETTINGS } from './session.providers.js';
import type { SessionSettings } from './session.settings.js';
import { SessionService } from './session/session.service.js';

/** What meets requests: the gate behind every guard, and the cookie. */
export function httpProviders(name: string): Provider[] {
  const gate: InjectionToken = getSessionGateToken(name);
  return [
    {
      provide: gate,
      inject: [SessionService, SESSION_SETTINGS],
      useFactory: (service: SessionService<unknown>, { cookie }: SessionSettings) =>
        new SessionGate(service, cookie, name),
    },
    {
      provide: SessionCookie,
      inject: [SessionService, gate, SESSION_SETTINGS],
      useFactory: (
        service: SessionService<unknown>,
        sessionGate: SessionGate,
        { cookie }: SessionSettings,
      ) => new SessionCookie(service, sessionGate, cookie),
    },
  ];
}
