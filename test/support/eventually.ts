import { setTimeout as delay } from 'node:timers/promises';

/** Tries until it succeeds; after `within` ms its own error says what is still wrong. */
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
