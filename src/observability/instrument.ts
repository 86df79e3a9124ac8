import type { SessionService } from '../session/session.service.js';

/** Something that watches the operations of a `SessionService`: metrics, or tracing. */
export interface Instrument {
  /** Runs the operation, and passes on what it gives or throws. */
  measure<T>(operation: string, run: () => Promise<T>): Promise<T>;
}

const OPERATIONS = [
  'createSession',
  'destroySession',
  'destroySessionByHandle',
  'validateSession',
  'findValidSession',
  'getSession',
  'listUserSessions',
  'invalidateAllUserSessions',
  'rotateSession',
  'updateSessionData',
] as const satisfies (keyof SessionService)[];

type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * Puts the instrument around each operation of this one service. Without instruments the service
 * stays untouched, so who measures nothing pays nothing.
 */
export function watch(service: SessionService<unknown>, instrument: Instrument): void {
  const methods = service as unknown as Record<string, Method>;
  for (const operation of OPERATIONS) {
    const method = methods[operation]!;
    methods[operation] = (...args) =>
      instrument.measure(operation, () => method.apply(service, args));
  }
}

/** An error as a label: its code, or that it is none of ours. */
export function outcomeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('ERR_SESSION_') ? code : 'error';
}
