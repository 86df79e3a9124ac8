import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { AppModule } from './app.module.js';
import { addOpenApi } from './web/open-api.js';
import { pagesFolder } from './web/pages-folder.js';
import { notToBeStored, securityHeaders } from './web/security-headers.js';

/** The application, ready to listen. It finds its servers by REDIS_URL and DATABASE_URL. */
export async function createApp(): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, {
    logger: ['fatal', 'error', 'warn'],
    abortOnError: false,
    // A live view would otherwise hold a shutdown up for as long as somebody watches.
    forceCloseConnections: true,
  });
  app.disable('x-powered-by');
  app.use(securityHeaders());
  // `/admin` is pages/admin.html. The pages hold no data; what they show comes from the API.
  app.useStaticAssets(pagesFolder(), { extensions: ['html'] });
  app.use(notToBeStored);
  addOpenApi(app);
  return app;
}
