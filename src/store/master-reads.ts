import type { ChainableCommander } from 'ioredis';

import type { BoundedRedis } from './bounded-redis.js';

type Commands = ChainableCommander;
/** Adds the commands of a read to its pipeline. */
type AddCommands = (pipeline: Commands) => unknown;

/** Keys of which one command says how many exist. */
const GROUP = 100;

/**
 * Reads that prove that a master answered them. After a failover, the old master answers plain reads
 * as a replica, and sessions that have ended since would look valid.
 *
 * The proof is GETEX without options. It changes nothing, but Redis treats it as a write, so a replica
 * rejects it (READONLY), and so does a master without replicas if `min-replicas-to-write` is set
 * (NOREPLICAS). In place of a GET, it costs nothing.
 *
 * A Cluster gets plain reads: a demoted node redirects them, and a node that is cut off rejects them
 * after `cluster-node-timeout`. Each one reads a single key, because ioredis redirects it correctly
 * while a slot moves. Reads of several keys are rejected (TRYAGAIN), and a pipeline whose keys are on
 * two nodes is sent to one of them.
 */
export class MasterReads {
  constructor(private readonly redis: BoundedRedis) {}

  get isCluster(): boolean {
    return 'nodes' in this.redis.client;
  }

  /** The value of a key. */
  get(key: string): Promise<string | null> {
    const { client } = this.redis;
    if (this.isCluster) return this.redis.boundedRead(() => client.get(key));
    return this.redis.boundedRead(() =>
      client.getex(key).catch(async (error: unknown) => {
        const [value] = await this.againIfDiskError(error, () => undefined, key);
        return value as string | null;
      }),
    );
  }

  /** The values of keys. */
  async getAll(keys: string[]): Promise<(string | null)[]> {
    const { client } = this.redis;
    if (this.isCluster) {
      return this.redis.boundedRead(() => Promise.all(keys.map((key) => client.get(key))));
    }
    if (keys.length === 1) return [await this.get(keys[0]!)];
    const [last, others] = [keys.at(-1)!, keys.slice(0, -1)];
    const [values, value] = await this.prove((pipeline) => pipeline.mget(others), last);
    return [...(values as (string | null)[]), value as string | null];
  }

  /**
   * Which of these keys exist. Usually all do, so one command asks how many of a group exist, and only
   * the keys of a group that lacks one are asked for again. A Cluster gets single reads: while a slot
   * moves, it rejects a command with several keys.
   */
  async exist(keys: string[], proofKey: string): Promise<boolean[]> {
    const { client } = this.redis;
    if (this.isCluster) {
      const counts = await this.redis.boundedRead(() =>
        Promise.all(keys.map((key) => client.exists(key))),
      );
      return counts.map((count) => Number(count) === 1);
    }
    const groups = Array.from({ length: Math.ceil(keys.length / GROUP) }, (_, i) =>
      keys.slice(i * GROUP, (i + 1) * GROUP),
    );
    const counts = await this.count(groups, proofKey);
    const incomplete = groups.filter((group, i) => counts[i] !== group.length).flat();
    if (incomplete.length === 0) return keys.map(() => true);
    const singly = await this.count(
      incomplete.map((key) => [key]),
      proofKey,
    );
    const missing = new Set(incomplete.filter((_, i) => singly[i] === 0));
    return keys.map((key) => !missing.has(key));
  }

  /** How many keys of each group exist. */
  private async count(groups: string[][], proofKey: string): Promise<number[]> {
    const replies = await this.prove(
      (pipeline) => groups.forEach((group) => pipeline.exists(...group)),
      proofKey,
    );
    return groups.map((_, i) => Number(replies[i]));
  }

  /**
   * The reply of any other read.
   *
   * @param proofKey a string of the same slot, existing or not
   */
  async reply<T>(add: AddCommands, proofKey: string): Promise<T> {
    const { client } = this.redis;
    if (!this.isCluster) return (await this.prove(add, proofKey))[0] as T;
    // A client has the same methods as its pipeline, but they return promises.
    return this.redis.boundedRead(async () => (await add(client as unknown as Commands)) as T);
  }

  /** The replies of a read, and last that of the proof: the value of `proofKey`. */
  private prove(add: AddCommands, proofKey: string): Promise<unknown[]> {
    return this.redis.boundedRead(() =>
      this.run((pipeline) => {
        add(pipeline);
        pipeline.getex(proofKey);
      }).catch((error: unknown) => this.againIfDiskError(error, add, proofKey)),
    );
  }

  /**
   * A Redis that can't write to its disk rejects all writes (MISCONF), on a replica as well. Reads
   * must go on, so the proof is the server's role.
   */
  private async againIfDiskError(
    error: unknown,
    add: AddCommands,
    proofKey: string,
  ): Promise<unknown[]> {
    if (!(error instanceof Error) || !error.message.startsWith('MISCONF')) throw error;
    const replies = await this.run((pipeline) => {
      add(pipeline);
      pipeline.get(proofKey).role();
    });
    const [role] = replies.pop() as [string];
    if (role !== 'master') throw error;
    return replies;
  }

  /**
   * Read and proof are one pipeline: when a connection closes, ioredis resends unanswered commands,
   * perhaps to another server, but nothing of a pipeline that was answered in part.
   */
  private async run(add: AddCommands): Promise<unknown[]> {
    const pipeline = this.redis.client.pipeline();
    add(pipeline);
    const replies = (await pipeline.exec())!;
    return replies.map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
  }
}
