import 'reflect-metadata';

import { createApp } from './app.js';
import { prepareDatabase } from './database/prepare-database.js';
import { mayShowPasswords, readEnvironment } from './startup/environment.js';
import { requireFreePort } from './startup/free-port.js';
import { greeting } from './startup/greeting.js';
import { lock, requireUnlocked, unlock } from './startup/lock-file.js';
import { openServers } from './startup/servers.js';
import { printStartError } from './startup/start-error.js';
import { exitOnSignal, stopOnSignal } from './startup/stop-signal.js';

/**
 * Runs the demo: servers, then tables and accounts, then the application. As in production, the
 * application only gets REDIS_URL and DATABASE_URL, and doesn't know who started the servers.
 */
async function start(): Promise<void> {
  const environment = readEnvironment();
  await requireUnlocked(environment);
  await requireFreePort(environment);

  const servers = await openServers(environment);
  try {
    process.env.REDIS_URL = servers.redisUrl;
    process.env.DATABASE_URL = servers.databaseUrl;
    const accounts = await prepareDatabase(servers.databaseUrl);
    const app = await createApp(
      mayShowPasswords(environment) ? accounts.filter(({ password }) => password !== null) : [],
    );
    await app.listen(environment.port, environment.host);

    const { port } = app.getHttpServer().address() as { port: number };
    const running = { ...environment, port };
    await lock(running);
    console.log(greeting(running, servers, accounts));

    stopOnSignal(async () => {
      await app.close();
      await servers.stop();
      await unlock();
    });
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

exitOnSignal();
try {
  await start();
} catch (error) {
  printStartError(error);
  process.exit(1);
}
