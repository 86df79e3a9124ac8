/** Keeps `concurrency` calls in flight for `ms`. Returns calls per second. */
export async function closedLoop(
  concurrency: number,
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
  await Promise.all(Array.from({ length: concurrency }, loop));
  return (done / (performance.now() - start)) * 1_000;
}

/** Calls `work` for each number below `count`, `concurrency` at a time. */
export async function forEachOf(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const loop = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
}
