/** An HTTP client that keeps one cookie. */
export class HttpClient {
  cookie = '';

  constructor(private readonly baseUrl: () => string) {}

  async signIn(credentials: { email: string; password: string }): Promise<Response> {
    return this.send('POST', '/sign-in', credentials);
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const response = await fetch(this.baseUrl() + path, {
      method,
      headers: {
        ...headers,
        ...(this.cookie && { cookie: this.cookie }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const [set] = response.headers.getSetCookie();
    if (set) this.cookie = set.split(';')[0]!;
    return response;
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- the tests assert what it is
  async read(path: string): Promise<any> {
    const response = await this.send('GET', path);
    return response.json();
  }
}
