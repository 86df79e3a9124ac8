/** Why the demo can't start, in one line for the person who started it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** What an error says. Node leaves the message of a failed connection to several addresses empty. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
