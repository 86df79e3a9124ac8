import { SessionError } from '../errors.js';

/** Attributes of the session cookie. The defaults are the strictest that browsers support. */
export interface CookieOptions {
  /**
   * Name of the cookie. Names that start with `__Host-` or `__Secure-` require `secure`.
   *
   * @default '__Host-session' ('session' without `secure`), plus '-' and the module's `name`, if any
   */
  name?: string;
  /**
   * Send the cookie over HTTPS only. Set `false` only for development over plain HTTP: most
   * browsers, but not all, treat `localhost` as secure.
   *
   * @default true
   */
  secure?: boolean;
  /**
   * Which cross-site requests carry the cookie. `'none'` requires `secure`.
   *
   * @default 'lax'
   */
  sameSite?: 'lax' | 'strict' | 'none';
  /**
   * Keep the cookie until the session's absolute expiry instead of until the browser closes.
   * NIST SP 800-63B-4, section 5.1, says that session secrets SHOULD NOT survive a restart of the
   * browser.
   *
   * @default false
   */
  persistent?: boolean;
  /**
   * Other origins whose pages may send state-changing requests that carry the cookie, for example
   * `'https://app.example.com'` if the API has another host. The guard rejects such requests from
   * all other origins (`ERR_SESSION_CROSS_SITE`).
   *
   * @default []
   */
  trustedOrigins?: string[];
}

/** The options with all defaults applied. */
export type CookieSettings = Required<CookieOptions>;

/** A cookie name as RFC 6265 defines it. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
/** Browsers compare these prefixes without regard to case. */
const SECURE_PREFIX = /^__(host|secure)-/i;

/**
 * Validates the options and applies the defaults.
 *
 * @param module name of the module, if it has one: makes the names of two modules' cookies differ
 * @throws SessionError `ERR_SESSION_OPTIONS`
 */
export function resolveCookie(options: CookieOptions = {}, module?: string): CookieSettings {
  const { secure = true, sameSite = 'lax', persistent = false, trustedOrigins = [] } = options;
  const defaultName = `${secure ? '__Host-' : ''}session${module === undefined ? '' : `-${module}`}`;
  const name = options.name ?? defaultName;
  if (!NAME.test(name)) {
    throw invalidOption('name', name, 'use letters, digits, hyphens and underscores');
  }
  if (!secure && SECURE_PREFIX.test(name)) {
    throw invalidOption(
      'name',
      name,
      'browsers reject it without `cookie.secure`; use another name',
    );
  }
  if (!['lax', 'strict', 'none'].includes(sameSite)) {
    throw invalidOption('sameSite', sameSite, "use 'lax', 'strict' or 'none'");
  }
  if (!secure && sameSite === 'none') {
    throw invalidOption(
      'sameSite',
      sameSite,
      "browsers reject it without `cookie.secure`; use 'lax'",
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
    "use scheme, host and port only, as browsers send them: 'https://app.example.com'",
  );
}

function invalidOption(option: string, value: unknown, remedy: string): SessionError {
  return new SessionError(
    'ERR_SESSION_OPTIONS',
    `SessionModule: the option \`cookie.${option}\` is ${JSON.stringify(value)}; ${remedy}.`,
  );
}
