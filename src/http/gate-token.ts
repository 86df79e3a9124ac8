/** The injection token of a module's `SessionGate`. Each module has one, the default one as well. */
export function getSessionGateToken(name = 'default'): string {
  return `SessionGate:${name}`;
}
