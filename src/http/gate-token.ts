/** The injection token of a module's `SessionGate`. Each module has one, the default one as well. */
export function getSessionAuthenticatorToken(name = 'default'): string {
  return `SessionGate:${name}`;
}
