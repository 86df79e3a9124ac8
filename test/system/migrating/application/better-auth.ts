import { APP_GUARD } from '@nestjs/core';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';

import { AUTH, BetterAuthBridge } from './better-auth.bridge.js';
import type { OldSessions } from './old-sessions-module.js';

/** better-auth with email and password; `POST /api/auth/sign-up/email` begins one of its sessions. */
export function betterAuthSessions(): OldSessions {
  const auth = betterAuth({
    baseURL: `http://127.0.0.1:${process.env.PORT}`,
    secret: 'a secret of at least thirty-two characters',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
  });
  return {
    module: {
      providers: [
        { provide: AUTH, useValue: auth },
        { provide: APP_GUARD, useClass: BetterAuthBridge },
      ],
    },
    prepare(app) {
      const http = app.getHttpAdapter().getInstance();
      const endAll = async (userId: string) =>
        (await auth.$context).internalAdapter.deleteUserSessions(userId);
      http.post('/end-all/:userId', (request, response, next) => {
        endAll(request.params.userId).then(() => response.sendStatus(204), next);
      });
      app.use('/api/auth', toNodeHandler(auth));
    },
  };
}
