import type { OnApplicationShutdown } from '@nestjs/common';

import type { OpenedRedis } from './store/connect.js';

/**
 * Lets go of what the module opened, in the order that loses nothing. Nest calls it once the HTTP
 * server has answered its last request.
 */
export class SessionLifecycle implements OnApplicationShutdown {
  constructor(private readonly redis: OpenedRedis) {}

  async onApplicationShutdown(): Promise<void> {
    await this.redis.close();
  }
}
