const HIERARCHICAL = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * A URL that can be shown: without password and parameters, which may hold one. Of what is no URL
 * nothing can be shown but how it begins, as the password may be anywhere in it.
 */
export function maskUrl(text: string): string {
  const [scheme] = HIERARCHICAL.exec(text) ?? [''];
  if (!scheme || !URL.canParse(text)) return `${scheme}…`;
  const { protocol, username, password, host, pathname } = new URL(text);
  return `${protocol}//${credentials(protocol, username, password)}${host}${pathname}`;
}

/** Redis had no users for long: who gives one name alone often means the password by it. */
function credentials(protocol: string, username: string, password: string): string {
  if (password) return `${username}:***@`;
  if (!username) return '';
  return protocol.startsWith('redis') ? '***@' : `${username}@`;
}
