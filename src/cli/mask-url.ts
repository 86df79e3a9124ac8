/**
 * A URL that can be shown: without password and parameters, which may hold one. Of what is no URL
 * nothing can be shown but how it begins, as the password may be anywhere in it.
 */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) {
    const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [''];
    return `${scheme}…`;
  }
  const { protocol, username, password, host, pathname } = new URL(text);
  const credentials = `${username}${password && ':***'}`;
  return `${protocol}//${credentials && `${credentials}@`}${host}${pathname}`;
}
