/**
 * What is needed of a request. Those of Express and Fastify fit, and Node's own. Described by
 * shape, as an application has only one of the two installed.
 */
export interface HttpRequest {
  headers: HttpHeaders;
  method?: string;
  /** The client's address, as the framework sees it: heed its own setting for trusted proxies. */
  ip?: string;
}

/** Headers by their lower-case names. */
export type HttpHeaders = { [name: string]: string | string[] | undefined };

type HeaderValue = string | number | string[] | undefined;

/** What is needed of a response: Express's, Node's own, or a reply of Fastify. */
export type HttpResponse = NodeResponseLike | FastifyReplyLike;

export interface NodeResponseLike {
  getHeader(name: string): HeaderValue;
  setHeader(name: string, value: string | string[]): unknown;
}

export interface FastifyReplyLike {
  getHeader(name: string): HeaderValue;
  removeHeader(name: string): unknown;
  header(name: string, value: string | string[]): unknown;
}

/** One header's value; null where there is none, or more than one. */
export function headerOf(headers: HttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

/** Sets a header in place of what it was. */
export function setHeader(response: HttpResponse, name: string, value: string | string[]): void {
  if ('setHeader' in response) {
    response.setHeader(name, value);
    return;
  }
  // Fastify adds to a set-cookie header that is already there.
  response.removeHeader(name);
  response.header(name, value);
}

/** A header's values, of which there may be none. */
export function headerValues(response: HttpResponse, name: string): string[] {
  const value = response.getHeader(name);
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [String(value)];
}
