import type { OnApplicationShutdown } from '@nestjs/common';

import type { Ledger } from '../audit/ledger.js';
import type { OpenedRedis } from '../store/connect.js';

/**
 * Lets go of what the module opened, in the order that loses nothing: Nest calls it once the HTTP
 * server has answered its last request, so no event comes after the ledger's last flush.
 */
export class SessionLifecycle implements OnApplicationShutdown {
  constructor(
    private readonly ledger: Ledger,
    private readonly redis: OpenedRedis,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.ledger.stop();
    await this.redis.close();
  }
}
