/**
 * The part of a request that the module uses. Requests of Express, Fastify and Node itself match
 * it. Described by shape, because an application installs only one of the frameworks.
 */
export interface HttpRequest {
  headers: HttpHeaders;
  method?: string;
  /** The client's address. The framework determines it: configure its setting for trusted proxies. */
  ip?: string;
}

/** Headers by lower-case name. */
export type HttpHeaders = { [name: string]: string | string[] | undefined };

type HeaderValue = string | number | string[] | undefined;

/** The part of a response that the module uses: Express, Node itself, or a Fastify reply. */
export type HttpResponse = NodeResponseLike | FastifyReplyLike;

/** The part of an Express or Node response that the module uses. */
export interface NodeResponseLike {
  getHeader(name: string): HeaderValue;
  setHeader(name: string, value: string | string[]): unknown;
}

/** The part of a Fastify reply that the module uses. */
export interface FastifyReplyLike {
  getHeader(name: string): HeaderValue;
  removeHeader(name: string): unknown;
  header(name: string, value: string | string[]): unknown;
}

/** The value of a header; null if it is missing or occurs more than once. */
export function headerOf(headers: HttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

/** Sets a header, replacing its previous value. */
export function setHeader(response: HttpResponse, name: string, value: string | string[]): void {
  if ('setHeader' in response) {
    response.setHeader(name, value);
    return;
  }
  // Fastify would append to an existing set-cookie header.
  response.removeHeader(name);
  response.header(name, value);
}

/** All values of a response header; empty if it isn't set. */
export function headerValues(response: HttpResponse, name: string): string[] {
  const value = response.getHeader(name);
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [String(value)];
}
