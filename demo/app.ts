import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

import { AppModule } from './app.module.js';
import type { DemoAccount } from './demo-accounts/demo-accounts.js';
import { DemoAccountsModule } from './demo-accounts/demo-accounts.module.js';
import { noStore, securityHeaders } from './security-headers.js';

/**
 * Creates the application, ready to listen. It connects to REDIS_URL and DATABASE_URL.
 *
 * @param shownAccounts the accounts that the sign-in page offers, with their passwords
 */
export async function createApp(
  shownAccounts: readonly DemoAccount[],
): Promise<NestExpressApplication> {
  const root = { module: AppModule, imports: [DemoAccountsModule.show(shownAccounts)] };
  const app = await NestFactory.create<NestExpressApplication>(root, {
    logger: ['fatal', 'error', 'warn'],
    abortOnError: false,
    // An open live view would otherwise delay the shutdown until its viewer leaves.
    forceCloseConnections: true,
  });
  app.disable('x-powered-by');
  app.use(securityHeaders());
  // Pages may be cached: they contain no data, but load it from the API. /admin is admin.html.
  app.useStaticAssets(pagesFolder(), { extensions: ['html'] });
  app.use(noStore);
  addOpenApi(app);
  return app;
}

/** The compiler doesn't copy the pages, so this looks for them from build/demo/app.js. */
function pagesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'demo', 'pages');
}

/** Serves the OpenAPI document at /api-json, and a page to try the API out at /api. */
function addOpenApi(app: INestApplication): void {
  const document = new DocumentBuilder()
    .setTitle('nest-session-ledger demo')
    .setDescription('Sign in first. The browser then sends the session cookie with each request.')
    .setVersion('1')
    .addCookieAuth('session')
    .build();
  SwaggerModule.setup('api', app, () => SwaggerModule.createDocument(app, document));
}
