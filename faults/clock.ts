/** The harness's time, ms since 1970 with fractions. Redis runs on the same machine, by the same clock. */
export function time(): number {
  return performance.timeOrigin + performance.now();
}
