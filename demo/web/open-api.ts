import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** The document at /api-json, a page to try it out at /api. */
export function addOpenApi(app: INestApplication): void {
  const document = new DocumentBuilder()
    .setTitle('nest-session-ledger demo')
    .setDescription('Sign in first; the browser then sends the session cookie by itself.')
    .setVersion('1')
    .addCookieAuth('session')
    .build();
  SwaggerModule.setup('api', app, () => SwaggerModule.createDocument(app, document));
}
