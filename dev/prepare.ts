import { postgresTemplate } from './postgres-template.js';
import { redisBinary } from './redis-binary.js';

// Run before the tests, so that what takes seconds and happens once is not in the first test's
// time, and so that a missing server is one clear line instead of a hundred failures. Servers of
// one's own, named by their URLs, need nothing of this.
try {
  if (!process.env.REDIS_URL) await redisBinary();
  if (!process.env.DATABASE_URL) await postgresTemplate();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
