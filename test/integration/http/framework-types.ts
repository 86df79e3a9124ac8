import type { Request, Response } from 'express';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { SessionCookie } from '../../../src/index.js';

/** Never called: the compiler checks that `SessionCookie` takes the frameworks' own types. */
export function acceptsFrameworkTypes(
  cookie: SessionCookie,
  requests: [Request, FastifyRequest, IncomingMessage],
  responses: [Response, FastifyReply, ServerResponse],
): void {
  for (const request of requests) cookie.read(request);
  for (const response of responses) cookie.clear(response);
}
