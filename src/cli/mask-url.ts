const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * A URL that is safe to print: without the password, and without parameters, which may hold one.
 * If the text is not a valid URL, the password could be anywhere, so only the scheme is printed.
 */
export function maskUrl(text: string): string {
  const [scheme] = SCHEME.exec(text) ?? [''];
  if (!scheme || !URL.canParse(text)) return `${scheme}…`;
  const { protocol, username, password, host, pathname } = new URL(text);
  return `${protocol}//${credentials(protocol, username, password)}${host}${pathname}`;
}

/** Early versions of Redis had no users, so a single name is often meant as the password. */
function credentials(protocol: string, username: string, password: string): string {
  if (password) return `${username}:***@`;
  if (!username) return '';
  return protocol.startsWith('redis') ? '***@' : `${username}@`;
}
