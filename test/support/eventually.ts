import { setTimeout as delay } from 'node:timers/promises';

/** Tries until it succeeds; after ten seconds its own error says what is still wrong. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(5);
    }
  }
}
