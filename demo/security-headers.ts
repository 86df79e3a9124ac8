import helmet from 'helmet';
import type { RequestHandler } from 'express';

/** Allows only our own files, no inline scripts or styles, and no conversion of text to markup. */
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

/** Swagger UI needs inline styles and data: images, and builds markup from text. */
const SWAGGER_UI = {
  ...STRICT,
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'require-trusted-types-for': null,
};

/** Headers against framing, MIME sniffing and injected scripts. */
export function securityHeaders(): RequestHandler {
  const strict = helmet(withPolicy(STRICT));
  const swaggerUi = helmet(withPolicy(SWAGGER_UI));
  return (request, response, next) => {
    const isSwaggerUi = request.path === '/api' || request.path.startsWith('/api/');
    (isSwaggerUi ? swaggerUi : strict)(request, response, next);
  };
}

/** Keeps API responses out of caches: they are personal and change at any time. */
export const noStore: RequestHandler = (_request, response, next) => {
  response.setHeader('cache-control', 'no-store');
  next();
};

function withPolicy(directives: Record<string, string[] | null>) {
  return {
    contentSecurityPolicy: { useDefaults: false, directives: omitNull(directives) },
    // Requires HTTPS, which the demo doesn't have.
    strictTransportSecurity: false,
  };
}

function omitNull(directives: Record<string, string[] | null>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(directives).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}
