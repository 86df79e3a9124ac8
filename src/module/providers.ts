import type { Provider } from '@nestjs/common';

import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import type { SessionModuleOptions } from './session.options.js';
import { resolveSettings, type SessionSettings } from './resolve-options.js';
import { SessionService } from '../session/session.service.js';
import { getSessionServiceToken } from './tokens.js';
import { checkUserIdType } from '../audit/postgres/user-id.js';
import { openRedis, type OpenedRedis } from '../store/connect.js';
import { SessionStore } from '../store/session-store.js';
import { checkRedis, refuseKeyPrefix } from '../store/startup-checks.js';

/** Internal tokens; each module has providers of its own under them. */
export const SESSION_SETTINGS = Symbol('SESSION_SETTINGS');
export const OPENED_REDIS = Symbol('OPENED_REDIS');

/** The ground floor: options, Redis, the store and the service. */
export function sessionProviders(name: string): Provider[] {
  return [
    {
      provide: SESSION_SETTINGS,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: SessionModuleOptions<unknown>) => resolveSettings(options, name),
    },
    { provide: OPENED_REDIS, inject: [SESSION_SETTINGS], useFactory: openCheckedRedis },
    {
      provide: SessionStore,
      inject: [SESSION_SETTINGS, OPENED_REDIS],
      useFactory: (settings: SessionSettings, { client }: OpenedRedis) =>
        new SessionStore({ client, ...storeSettings(settings) }),
    },
    {
      provide: getSessionServiceToken(name),
      inject: [SESSION_SETTINGS, SessionStore],
      useFactory: (settings: SessionSettings, store: SessionStore) =>
        new SessionService(store, {
          lifetime: settings.lifetime,
          idleTimeout: settings.idleTimeout,
          users: settings.users,
          checkUserId: (userId) => checkUserIdType(userId, settings.userId.type),
        }),
    },
  ];
}

/** An application that can't trust its Redis doesn't start. */
async function openCheckedRedis(settings: SessionSettings): Promise<OpenedRedis> {
  const opened = openRedis(settings.redis, settings.redisTimeout);
  try {
    refuseKeyPrefix(opened.client);
    const { redis } = new SessionStore({ client: opened.client, ...storeSettings(settings) });
    await checkRedis(redis, settings);
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function storeSettings(settings: SessionSettings) {
  return {
    prefix: settings.prefix,
    buckets: settings.buckets,
    timeout: settings.redisTimeout,
    rules: {
      maxLifetime: settings.maxLifetime,
      idleTimeout: settings.idleTimeout,
      maxSessionsPerUser: settings.maxSessionsPerUser,
      overflow: settings.overflow,
      backlogLimit: settings.audit.backlogLimit,
    },
  };
}
