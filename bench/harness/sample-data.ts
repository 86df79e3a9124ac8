/** As long as a browser's: 120 characters. */
export const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ' +
  'Chrome/142.0.7444.175 Safari/537.36 Edg/142.0.1.0';

/** User IDs are UUIDs, as in most applications. */
export function userIdOf(user: number): string {
  return `${user.toString(16).padStart(8, '0')}-5e55-4a11-9d3e-0b1c2d3e4f50`;
}

export function clientOf(user: number): { ip: string; userAgent: string } {
  return { ip: `203.0.${100 + (user % 100)}.${100 + (user % 150)}`, userAgent: USER_AGENT };
}
