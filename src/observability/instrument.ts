import type { SessionService } from '../session/session.service.js';

/** Observes the operations of a `SessionService`: metrics or tracing. */
export interface Instrument {
  /** Runs the operation, and returns or throws what it does. */
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
 * Wraps each operation of this one service in the instrument. A service without instruments is
 * left as it is, so an application that measures nothing pays nothing.
 */
export function wrapOperations(service: SessionService<unknown>, instrument: Instrument): void {
  const methods = service as unknown as Record<string, Method>;
  for (const operation of OPERATIONS) {
    const method = methods[operation]!;
    methods[operation] = (...args) =>
      instrument.measure(operation, () => method.apply(service, args));
  }
}

/** An error as a label: its code, or `error` if it is not a `SessionError`. */
export function outcomeOf(error: unknown): string {
  const code = codeOf(error);
  return typeof code === 'string' && code.startsWith('ERR_SESSION_') ? code : 'error';
}

/**
 * Null if an optional package is not installed; otherwise throws the error of its `import`. That one
 * must stand in the caller's `try`: bundlers then accept that the package is missing.
 */
export function nullIfMissing(error: unknown): null {
  const code = codeOf(error);
  // Node's code, and the one of CommonJS.
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return null;
  throw error;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
