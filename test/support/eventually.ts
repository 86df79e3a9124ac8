import { setTimeout as delay } from 'node:timers/promises';

/** Repeats the attempt until it succeeds. After `within` ms, rejects with its last error. */
export async function eventually<T>(attempt: () => Promise<T>, within = 10_000): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(5);
    }
  }
}
