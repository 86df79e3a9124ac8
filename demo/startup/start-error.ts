/** A startup failure that the user can fix. Its message is enough. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Prints an error: a StartError as one line, anything unexpected with its stack trace. */
export function printStartError(error: unknown): void {
  console.error(error instanceof StartError ? `\n${error.message}\n` : error);
}

/** The message of an error. Node leaves it empty if it tried several addresses of a host. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
