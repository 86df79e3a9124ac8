import type { ExecutionContext } from '@nestjs/common';

import { handshakeOf } from './handshakes.js';
import type { HttpHeaders, HttpRequest, HttpResponse } from './http-messages.js';

/** What came in, whichever way: a request, the request behind a resolver, or a socket's handshake. */
export interface Incoming {
  /** The request or the socket itself: what is found out about it is remembered by it. */
  subject: object;
  headers: HttpHeaders;
  /** None for a handshake, which is never taken as safe. */
  method?: string;
  /** A token that a handshake brought beside its headers. */
  token?: string;
  /** Where an answer's headers go, for HTTP. */
  response?: HttpResponse;
  /** The socket, which lives on when its session is over. */
  socket?: object;
}

/** A request as GraphQL servers put it into the context of their resolvers. */
interface GraphqlContext {
  req?: HttpRequest & { extra?: GraphqlContext['extra'] };
  request?: HttpRequest;
  reply?: { request?: HttpRequest };
  /** A subscription, by graphql-ws. */
  extra?: { request?: HttpRequest; socket?: object };
}

/** What came in by the context that Nest gives to guards and parameter decorators. */
export function incomingOf(context: ExecutionContext): Incoming {
  switch (context.getType<string>()) {
    case 'http':
      return incomingRequest(
        context.switchToHttp().getRequest<HttpRequest>(),
        context.switchToHttp().getResponse<HttpResponse>(),
      );
    case 'graphql':
      return incomingGraphql(context.getArgByIndex<GraphqlContext>(2));
    case 'ws':
      return incomingHandshake(context.switchToWs().getClient<object>());
    default:
      throw new Error(
        `@RequireSession() can't find a session in a context of type '${context.getType()}'. ` +
          'It works for HTTP, GraphQL and WebSocket gateways.',
      );
  }
}

export function incomingRequest(request: HttpRequest, response?: HttpResponse): Incoming {
  return { subject: request, headers: request.headers, method: request.method, response };
}

export function incomingHandshake(socket: object): Incoming {
  const { headers, token } = handshakeOf(socket);
  return { subject: socket, socket, headers, token };
}

/** GraphqlExecutionContext would say the same; but `@nestjs/graphql` may not be installed. */
function incomingGraphql(context: GraphqlContext): Incoming {
  const extra = context.extra ?? context.req?.extra;
  if (extra?.request) {
    const { request, socket } = extra;
    return { subject: socket ?? request, headers: request.headers, socket };
  }
  const request = context.req ?? context.request ?? context.reply?.request;
  if (!request?.headers) {
    throw new Error(
      '@RequireSession() finds no request in the GraphQL context. Give it as `req`: ' +
        'GraphQLModule.forRoot({ context: ({ req }) => ({ req }) })',
    );
  }
  return incomingRequest(request);
}
