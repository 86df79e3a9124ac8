import helmet from 'helmet';
import type { RequestHandler } from 'express';

/** Scripts and styles from files of our own, and nothing else; text never becomes markup. */
const STRICT = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'connect-src': ["'self'"],
  'form-action': ["'self'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
  'require-trusted-types-for': ["'script'"],
};

/** Swagger UI writes styles into its page, draws with data: images, and builds markup from text. */
const SWAGGER_UI = {
  ...STRICT,
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'require-trusted-types-for': null,
};

/** The headers that keep the pages from being framed, sniffed or made to run foreign scripts. */
export function securityHeaders(): RequestHandler {
  const pages = helmet(withPolicy(STRICT));
  const documentation = helmet(withPolicy(SWAGGER_UI));
  return (request, response, next) => {
    const isDocumentation = request.path === '/api' || request.path.startsWith('/api/');
    (isDocumentation ? documentation : pages)(request, response, next);
  };
}

/** What the API says is of the moment and of one person; pages and their assets say otherwise. */
export const notToBeStored: RequestHandler = (_request, response, next) => {
  response.setHeader('cache-control', 'no-store');
  next();
};

function withPolicy(directives: Record<string, string[] | null>) {
  return {
    contentSecurityPolicy: { useDefaults: false, directives: omitNull(directives) },
    // Says that this host is to be reached over HTTPS only: false of a demo on plain HTTP.
    strictTransportSecurity: false,
  };
}

function omitNull(directives: Record<string, string[] | null>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(directives).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}
