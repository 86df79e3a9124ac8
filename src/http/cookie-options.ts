import { SessionError } from '../errors.js';

/** The session cookie. The defaults are the strictest that browsers know. */
export interface CookieOptions {
  /**
   * The cookie's name. A name that starts with `__Host-` or `__Secure-` needs `secure`.
   *
   * @default '__Host-session' ('session' where `secure` is false), and '-' and the module's `name`
   */
  name?: string;
  /**
   * Send the cookie over HTTPS only. `false` is for development over plain HTTP; browsers count
   * `localhost` as secure, but not all of them do.
   *
   * @default true
   */
  secure?: boolean;
  /**
   * Which cross-site requests carry the cookie. `'none'` needs `secure`.
   *
   * @default 'lax'
   */
  sameSite?: 'lax' | 'strict' | 'none';
  /**
   * Keep the cookie until the session's end, instead of until the browser closes
   * (NIST SP 800-63B-4 section 5.1: a session secret SHOULD NOT outlive a browser's restart).
   *
   * @default false
   */
  persistent?: boolean;
  /**
   * Other origins whose pages may send requests that change something with the cookie, such as
   * `'https://app.example.com'` for an API on another host. Of all others the guard refuses them.
   *
   * @default []
   */
  trustedOrigins?: string[];
}

/** The options, checked and complete. */
export type CookieSettings = Required<CookieOptions>;

/** RFC 6265: what a cookie's name can be. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
/** Browsers hold these prefixes to be the same in any case. */
const SECURE_PREFIX = /^__(host|secure)-/i;

/**
 * Checks the options and fills in the defaults.
 *
 * @param module the module's name where it has one of its own, so that two cookies don't collide
 * @throws SessionError `ERR_SESSION_OPTIONS`
 */
export function resolveCookie(options: CookieOptions = {}, module?: string): CookieSettings {
  const { secure = true, sameSite = 'lax', persistent = false, trustedOrigins = [] } = options;
  const usual = `${secure ? '__Host-' : ''}session${module === undefined ? '' : `-${module}`}`;
  const name = options.name ?? usual;
  if (!NAME.test(name)) {
    throw invalidOption('name', name, 'use letters, digits, hyphens and underscores');
  }
  if (!secure && SECURE_PREFIX.test(name)) {
    throw invalidOption(
      'name',
      name,
      'browsers refuse it without `cookie.secure`; use another name',
    );
  }
  if (!['lax', 'strict', 'none'].includes(sameSite)) {
    throw invalidOption('sameSite', sameSite, "use 'lax', 'strict' or 'none'");
  }
  if (!secure && sameSite === 'none') {
    throw invalidOption(
      'sameSite',
      sameSite,
      "browsers refuse it without `cookie.secure`; use 'lax'",
    );
  }
  for (const origin of trustedOrigins) checkOrigin(origin);
  return { name, secure, sameSite, persistent, trustedOrigins };
}

function checkOrigin(origin: string): void {
  if (URL.canParse(origin) && new URL(origin).origin === origin) return;
  throw invalidOption(
    'trustedOrigins',
    origin,
    "use scheme, host and port alone, as browsers send them: 'https://app.example.com'",
  );
}

function invalidOption(option: string, value: unknown, remedy: string): SessionError {
  return new SessionError(
    'ERR_SESSION_OPTIONS',
    `SessionModule: the option \`cookie.${option}\` is ${JSON.stringify(value)}; ${remedy}.`,
  );
}
