import type { ExecutionContext } from '@nestjs/common';

import { handshakeOf } from './websocket/handshakes.js';
import type { HttpHeaders, HttpRequest, HttpResponse } from './http-messages.js';

/** What came in, whichever way: a request, the request behind a resolver, or a socket's handshake. */
export interface RequestContext {
  /** The request or the socket itself: what is found out about it is remembered by it. */
  subject: object;
  headers: HttpHeaders;
  /** None for a WebSocket's handshake: it is a GET, but opens a way to change things. */
  method?: string;
  /** A token that a handshake brought beside its headers. */
  token?: string;
  /** Where an answer's headers go, for HTTP. */
  response?: HttpResponse;
  /** The socket, which lives on when its session is over. */
  socket?: object;
}

type Request = HttpRequest & { socket?: object; raw?: { socket?: object } };

/** A request as GraphQL servers put it into the context of their resolvers. */
interface GraphqlContext {
  req?: Request & { extra?: GraphqlContext['extra'] };
  request?: Request;
  reply?: { request?: Request };
  /** A subscription, by graphql-ws. */
  extra?: { request?: HttpRequest; socket?: object };
}

/** What came in by the context that Nest gives to guards and parameter decorators. */
export function requestContextOf(context: ExecutionContext): RequestContext {
  switch (context.getType<string>()) {
    case 'http':
      return contextOfRequest(
        context.switchToHttp().getRequest<HttpRequest>(),
        context.switchToHttp().getResponse<HttpResponse>(),
      );
    case 'graphql':
      return contextOfGraphql(graphqlContext(context.getArgs()));
    case 'ws':
      return contextOfHandshake(context.switchToWs().getClient<object>());
    default:
      throw new Error(
        `@RequireSession() can't find a session in a context of type '${context.getType()}'. ` +
          'It works for HTTP, GraphQL and WebSocket gateways.',
      );
  }
}

export function contextOfRequest(request: Request, response?: HttpResponse): RequestContext {
  const { headers, method } = request;
  if (headers.upgrade?.toString().toLowerCase() !== 'websocket') {
    return { subject: request, headers, method, response };
  }
  return { subject: request, headers, socket: request.raw?.socket ?? request.socket };
}

export function contextOfHandshake(socket: object): RequestContext {
  const { headers, token } = handshakeOf(socket);
  return { subject: socket, socket, headers, token };
}

/** The third of a resolver's arguments; of a `@ResolveReference()`, which has no `args`, the second. */
function graphqlContext(args: unknown[]): GraphqlContext {
  return (args.length === 3 ? args[1] : args[2]) as GraphqlContext;
}

/** GqlExecutionContext would say the same; but `@nestjs/graphql` may not be installed. */
function contextOfGraphql(context: GraphqlContext): RequestContext {
  const extra = context.extra ?? context.req?.extra;
  const request = extra?.request ?? context.req ?? context.request ?? context.reply?.request;
  if (!request?.headers) {
    throw new Error(
      '@RequireSession() finds no request in the GraphQL context. Give it as `req`: ' +
        'GraphQLModule.forRoot({ context: ({ req }) => ({ req }) })',
    );
  }
  const incoming = contextOfRequest(request);
  return extra?.socket ? { ...incoming, socket: extra.socket } : incoming;
}
