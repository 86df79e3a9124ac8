import { Logger } from '@nestjs/common';

import type { CookieSettings } from './cookie-options.js';
import { headerOf, type HttpHeaders } from './http-messages.js';

/**
 * Warns, once, that browsers drop the cookie: on plain HTTP they don't keep one with `Secure`. The
 * sign-in would seem to work, and the next request would be rejected without a reason.
 *
 * `Origin` tells what the browser sees: behind a proxy that terminates TLS, the connection to this
 * process is plain HTTP as well. The line contains nothing that the client sent.
 */
export class PlainHttpWarning {
  private readonly logger = new Logger('SessionCookie');
  private isGiven = false;

  /** Called at each sign-in. */
  signedIn(headers: HttpHeaders, { secure, name }: CookieSettings): void {
    if (this.isGiven || !secure || !headerOf(headers, 'origin')?.startsWith('http://')) return;
    this.isGiven = true;
    this.logger.warn(
      `A page on plain HTTP signed a user in, but the cookie ${name} is for HTTPS only: on plain HTTP, ` +
        'browsers drop it (Safari even on localhost), and the next request is answered with 401. ' +
        'Use HTTPS, or in development set `cookie: { secure: false }`.',
    );
  }
}
