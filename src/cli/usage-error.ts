/** Something that the operator has to put right before the command can run. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
