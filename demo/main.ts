import 'reflect-metadata';

import { createApp } from './app.js';
import { prepareDatabase } from './database/prepare-database.js';
import { readEnvironment } from './starting/environment.js';
import { requireFreePort } from './starting/free-port.js';
import { greeting } from './starting/greeting.js';
import { forgetRunning, noteRunning, requireNotRunning } from './starting/running-note.js';
import { openServers } from './starting/servers.js';
import { StartError } from './starting/start-error.js';
import { onStopSignal } from './starting/stop-signal.js';

/**
 * What `npm start` runs: servers, tables, users, application, in this order. The application itself
 * knows nothing of it; it is given two URLs, as in production.
 */
async function start(): Promise<void> {
  const environment = readEnvironment();
  await requireNotRunning(environment);
  await requireFreePort(environment);

  const servers = await openServers(environment);
  try {
    process.env.REDIS_URL = servers.redisUrl;
    process.env.DATABASE_URL = servers.databaseUrl;
    const users = await prepareDatabase(servers.databaseUrl);
    const app = await createApp();
    await app.listen(environment.port, environment.host);

    const { port } = app.getHttpServer().address() as { port: number };
    await noteRunning({ ...environment, port });
    console.log(greeting({ ...environment, port }, servers, users));

    onStopSignal(async () => {
      await app.close();
      await servers.stop();
      await forgetRunning();
    });
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

// Ctrl-C before all is up: the servers' watchdogs end them as soon as this process is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(130));
}

try {
  await start();
} catch (error) {
  console.error(error instanceof StartError ? `\n${error.message}\n` : error);
  process.exit(1);
}
