import { postgresTemplate } from './postgres-template.js';
import { redisBinary } from './redis-binary.js';

// Runs before the tests. What takes seconds and happens once then doesn't slow down the first test, and
// a missing server is one clear error instead of a hundred failed tests. Servers that are given by
// REDIS_URL and DATABASE_URL need no preparation.
try {
  if (!process.env.REDIS_URL) await redisBinary();
  if (!process.env.DATABASE_URL) await postgresTemplate();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
