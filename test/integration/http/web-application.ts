import type { INestApplication, ModuleMetadata } from '@nestjs/common';

import {
  getSessionServiceToken,
  type SessionModuleOptions,
  type SessionService,
} from '../../../src/index.js';
import { isSessionId } from '../../../src/store/session-id.js';
import { issuedIds, trackIds } from '../../support/issued-ids.js';
import {
  sessionModule,
  startHttpApplication,
  type HttpApplication,
  type Platform,
} from '../../support/nest-application.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';
import {
  AccountController,
  DerivedController,
  DerivedVaultController,
  members,
  SessionController,
  StaffController,
  StaffSessionController,
  VaultController,
  type Member,
} from './accounts.js';

/** An application with two session modules: for members and for staff. */
export interface WebApplication extends HttpApplication<Member> {
  readonly staffSessions: SessionService;
}

/** What a test adds to the common application. */
export interface Extras {
  options?: Partial<SessionModuleOptions<Member>>;
  module?: ModuleMetadata;
  /** Called before the application listens. */
  prepare?: (nest: INestApplication) => unknown;
}

const CONTROLLERS = [
  AccountController,
  DerivedController,
  DerivedVaultController,
  SessionController,
  StaffController,
  StaffSessionController,
  VaultController,
];

/** @param redis null if the sessions are in memory */
export async function startWebApplication(
  platform: Platform,
  redis: RedisUnderTest | null,
  { options, module = {}, prepare }: Extras = {},
): Promise<WebApplication> {
  const common = { redis: redis?.connection ?? 'in memory', audit: { worker: false } };
  const { imports = [], controllers = [], providers = [] } = module;
  const app = await startHttpApplication<Member>(
    {
      ...common,
      prefix: 'web',
      users: { findById: async (id: string) => members.get(id) ?? null },
      ...options,
    },
    {
      platform,
      prepare,
      imports: [sessionModule({ ...common, name: 'staff' }), ...imports],
      controllers: [...CONTROLLERS, ...controllers],
      providers,
    },
  );
  const staff = app.nest.get<SessionService>(getSessionServiceToken('staff'));
  return { ...app, staffSessions: trackIds(staff) };
}

/** The response to a request. */
export interface Answer {
  status: number;
  headers: Headers;
  body: never;
}

export async function ask(
  app: { url: string },
  request: string,
  headers: Record<string, string> = {},
  body?: object,
): Promise<Answer> {
  const [method, path] = request.split(' ');
  const response = await fetch(app.url + path, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
    redirect: 'manual',
  });
  const text = await response.text();
  const { status } = response;
  const parsed = text === '' ? undefined : JSON.parse(text);
  if (isSessionId(parsed?.id)) issuedIds.add(parsed.id);
  return { status, headers: response.headers, body: parsed as never };
}

/** Signs in like a browser and returns its `Cookie` header. */
export async function signIn(app: { url: string }, userId = 'ada'): Promise<string> {
  const { headers } = await ask(app, 'POST /session', {}, { userId });
  return headers.getSetCookie()[0]!.split(';')[0]!;
}

export function bearer(id: string) {
  return { authorization: `Bearer ${id}` };
}
