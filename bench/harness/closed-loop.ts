/** Keeps so many calls under way for so long; answers with calls a second. */
export async function closedLoop(
  atOnce: number,
  ms: number,
  work: (turn: number) => Promise<unknown>,
): Promise<number> {
  const start = performance.now();
  let turns = 0;
  let done = 0;
  const loop = async () => {
    while (performance.now() - start < ms) {
      await work((turns += 1));
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return (done / (performance.now() - start)) * 1_000;
}

/** Does something for each number below `count`, so many at once. */
export async function forEachOf(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const loop = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
}
