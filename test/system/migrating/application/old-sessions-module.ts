import type { ModuleMetadata } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** The sessions that an application had before. */
export interface OldSessions {
  module: ModuleMetadata;
  /** Adds their middleware, before the body parsers. */
  prepare?: (app: NestExpressApplication) => void;
}
