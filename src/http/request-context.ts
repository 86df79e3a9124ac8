import type { ExecutionContext } from '@nestjs/common';

import type { HttpHeaders, HttpRequest, HttpResponse } from './http-messages.js';
import { libraryOf } from './websocket/adapters.js';

/**
 * What the module needs to know about an HTTP request, the request behind a GraphQL resolver, or
 * the handshake of a WebSocket.
 */
export interface RequestContext {
  /** The request or socket object itself, by which its session is remembered. */
  subject: object;
  headers: HttpHeaders;
  /**
   * Undefined for the handshake of a WebSocket: it is a GET, but opens a channel that can change
   * things.
   */
  method?: string;
  /** A token that a handshake sent outside its headers. */
  token?: string;
  /** Receives the headers of a rejection, for HTTP. */
  response?: HttpResponse;
  /** The open socket, which must be closed when its session ends. */
  socket?: object;
}

interface NodeRequest {
  socket?: object;
  /** Set by Node: whether the connection has left HTTP, which the server's `upgrade` listener takes. */
  upgrade?: boolean;
}

type Request = HttpRequest & NodeRequest & { raw?: NodeRequest };

/** The context of GraphQL resolvers. Servers store the request under different names. */
interface GraphqlContext {
  req?: Request & { extra?: GraphqlContext['extra'] };
  request?: Request;
  reply?: { request?: Request };
  /** Set by graphql-ws for subscriptions. */
  extra?: { request?: HttpRequest; socket?: object };
}

/**
 * Reads the request from the context that Nest passes to guards and parameter decorators.
 *
 * @throws Error if the transport isn't HTTP, GraphQL or WebSocket
 */
export function requestContextOf(execution: ExecutionContext): RequestContext {
  switch (execution.getType<string>()) {
    case 'http':
      return contextOfRequest(
        execution.switchToHttp().getRequest<HttpRequest>(),
        execution.switchToHttp().getResponse<HttpResponse>(),
      );
    case 'graphql':
      return contextOfResolver(graphqlContext(execution.getArgs()));
    case 'ws':
      return contextOfSocket(execution.switchToWs().getClient<object>());
    default:
      throw new Error(
        `@RequireSession() doesn't support execution contexts of type '${execution.getType()}'. ` +
          'Use it for HTTP, GraphQL and WebSocket gateways.',
      );
  }
}

export function contextOfRequest(request: Request, response?: HttpResponse): RequestContext {
  const { headers, method } = request;
  const { upgrade, socket } = request.raw ?? request;
  // Not by the header: any client can send it with an ordinary request, and the TCP connection of that
  // may be a proxy's, which carries the requests of others.
  if (upgrade !== true) return { subject: request, headers, method, response };
  return { subject: request, headers, socket };
}

function contextOfSocket(socket: object): RequestContext {
  return { subject: socket, socket, ...libraryOf(socket).handshakeOf(socket) };
}

/**
 * The third argument of a resolver. A `@ResolveReference()` method has no `args`, so there it is
 * the second.
 */
function graphqlContext(args: unknown[]): GraphqlContext {
  return (args.length === 3 ? args[1] : args[2]) as GraphqlContext;
}

/** `GqlExecutionContext` would do the same, but `@nestjs/graphql` may not be installed. */
function contextOfResolver(context: GraphqlContext): RequestContext {
  const extra = context.extra ?? context.req?.extra;
  const request = extra?.request ?? context.req ?? context.request ?? context.reply?.request;
  if (!request?.headers) {
    throw new Error(
      '@RequireSession() finds no request in the GraphQL context. Pass it as `req`: ' +
        'GraphQLModule.forRoot({ context: ({ req }) => ({ req }) })',
    );
  }
  const found = contextOfRequest(request);
  return extra?.socket ? { ...found, socket: extra.socket } : found;
}
