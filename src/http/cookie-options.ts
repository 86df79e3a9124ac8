/** The session cookie. The defaults are the strictest that browsers know. */
export interface CookieOptions {
  /**
   * The cookie's name. A name that starts with `__Host-` needs `secure` and the path `/`.
   *
   * @default '__Host-session', or 'session' where `secure` is false
   */
  name?: string;
  /**
   * Send the cookie over HTTPS only. `false` is for development over plain HTTP.
   *
   * @default true
   */
  secure?: boolean;
  /**
   * Which cross-site requests carry the cookie.
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
}
