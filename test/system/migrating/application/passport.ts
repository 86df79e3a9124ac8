import { Injectable } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { PassportModule, PassportStrategy } from '@nestjs/passport';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import passport from 'passport';
import { Strategy } from 'passport-local';
import { createClient } from 'redis';

import { ExpressSessionBridge } from './express-session.bridge.js';
import type { OldSessions } from './old-sessions-module.js';
import { PassportController } from './passport.controller.js';
import { RequestUser } from './request-user.js';

@Injectable()
class PasswordStrategy extends PassportStrategy(Strategy) {
  validate(username: string, password: string) {
    return password === 'correct' ? { id: username } : null;
  }
}

/** Passport's sessions; `POST /old/sign-in` begins one. */
export async function passportSessions(): Promise<OldSessions> {
  const client = createClient({ url: process.env.REDIS_URL! });
  await client.connect();
  passport.serializeUser<string>((user, done) => done(null, (user as { id: string }).id));
  return {
    module: {
      imports: [PassportModule],
      controllers: [PassportController],
      providers: [
        PasswordStrategy,
        { provide: APP_GUARD, useClass: ExpressSessionBridge },
        { provide: APP_INTERCEPTOR, useClass: RequestUser },
      ],
    },
    prepare(app) {
      const store = new RedisStore({ client, prefix: 'passport:' });
      app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }));
      const http = app.getHttpAdapter().getInstance();
      http.post('/old/sign-in', passport.initialize(), (request, response, next) => {
        request.login({ id: 'ada' }, (error) => (error ? next(error) : response.sendStatus(204)));
      });
    },
  };
}
