let turn: Promise<void> | undefined;

/**
 * After the input of this turn of the event loop was read, for all who ask in it at the same time: what
 * they write then, Node writes at once. A write wakes Redis, which costs more than what it carries.
 */
export function endOfTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}
