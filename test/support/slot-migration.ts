import type { Redis } from 'ioredis';

import { serverOfKey, type RedisUnderTest } from './redis-under-test.js';

/** Longer than moving a key takes on a busy machine (ms). */
const MOVE_TIMEOUT = 10_000;

/**
 * Moves a slot from one node of a Cluster to another, key by key and in the order of the test, as
 * `redis-cli --cluster reshard` does in an order of its own.
 */
export class SlotMigration {
  private constructor(
    private readonly redis: RedisUnderTest,
    private readonly slot: number,
    private readonly from: number,
    readonly to: number,
  ) {}

  /** Opens the slot of this key. Both nodes serve it from now on. */
  static async start(redis: RedisUnderTest, key: string): Promise<SlotMigration> {
    const from = await serverOfKey(redis, key);
    const migration = new SlotMigration(
      redis,
      Number(await redis.nodes[from]!.cluster('KEYSLOT', key)),
      from,
      (from + 1) % redis.nodes.length,
    );
    await migration.setSlot(migration.target, 'IMPORTING', from);
    await migration.setSlot(migration.source, 'MIGRATING', migration.to);
    return migration;
  }

  /** The keys that haven't moved yet. */
  async remaining(): Promise<string[]> {
    const keys = await this.source.cluster('GETKEYSINSLOT', this.slot, 1_000_000);
    return (keys as string[]).toSorted();
  }

  /** Moves a key; does nothing if the source doesn't have it. */
  async move(key: string): Promise<void> {
    const { port } = this.redis.servers[this.to]!;
    await this.source.call('MIGRATE', '127.0.0.1', port, key, 0, MOVE_TIMEOUT);
  }

  /** Moves the remaining keys and closes the slot. */
  async finish(): Promise<void> {
    for (const key of await this.remaining()) await this.move(key);
    for (const node of [this.target, this.source, ...this.redis.nodes]) {
      await this.setSlot(node, 'NODE', this.to);
    }
  }

  private get source(): Redis {
    return this.redis.nodes[this.from]!;
  }

  private get target(): Redis {
    return this.redis.nodes[this.to]!;
  }

  private async setSlot(node: Redis, state: string, of: number): Promise<void> {
    const id = await this.redis.nodes[of]!.call('CLUSTER', 'MYID');
    await node.call('CLUSTER', 'SETSLOT', this.slot, state, String(id));
  }
}
