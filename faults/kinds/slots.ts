import { setTimeout as delay } from 'node:timers/promises';

import type { PrivateServer } from '../../dev/index.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';
import { now } from '../history.js';
import { allBuckets, outboxKey } from '../keys.js';
import { failOver } from './failover.js';

/** How long the move of a slot may take (ms). */
const MOVE_TIMEOUT = 60_000;

/** What happens to one of the two nodes in the middle of a move. */
const deaths = ['none', 'source-restarts', 'target-restarts', 'target-replaced'] as const;
type Death = (typeof deaths)[number];

/** A slot on its way, a few keys at a time and in any order, as `redis-cli --cluster reshard` moves it. */
class SlotMove {
  private constructor(
    private readonly context: CampaignContext,
    private readonly slot: number,
    private readonly source: PrivateServer,
    private target: PrivateServer,
  ) {}

  /** Opens the slot of a bucket: from now on, two nodes have its keys. */
  static async start(context: CampaignContext, bucket: number): Promise<SlotMove> {
    const { servers, random } = context;
    const masters = await servers.masters();
    const owned = await Promise.all(masters.map((master) => servers.bucketsOf(master)));
    const source = masters.find((_, i) => owned[i]!.has(bucket))!;
    const target = random.pick(masters.filter((master) => master !== source));
    const slot = await servers.on(source, (node) => node.cluster('KEYSLOT', outboxKey(bucket)));
    const move = new SlotMove(context, Number(slot), source, target);
    await move.open();
    return move;
  }

  async run(death: Death): Promise<void> {
    const { random } = this.context;
    const deadline = now() + MOVE_TIMEOUT;
    const first = await this.remaining();
    const dieWithLeft = random.between(0, first.length);
    let left: Death = death;
    for (let keys = first; keys.length > 0; keys = await this.remaining()) {
      if (now() > deadline) throw new Error(`${keys.join(', ')} remain`);
      if (left !== 'none' && keys.length <= dieWithLeft) {
        await this.die(left);
        left = 'none';
      }
      await this.moveSome(keys);
      await delay(random.between(0, 40));
    }
    await this.close();
  }

  private async moveSome(keys: string[]): Promise<void> {
    const { random } = this.context;
    const from = random.between(0, keys.length - 1);
    const some = keys.slice(from, from + random.between(1, 6));
    await this.migrate(some);
  }

  /** REPLACE, because a node that died may have left a key on both. That on the source is in force. */
  private async migrate(keys: string[]): Promise<void> {
    const { port } = this.target;
    const host = '127.0.0.1';
    await this.context.servers.on(this.source, (node) =>
      node.call('MIGRATE', host, port, '', 0, 5_000, 'REPLACE', 'KEYS', ...keys),
    );
  }

  private async die(death: Death): Promise<void> {
    if (death === 'target-replaced') return this.replaceTarget();
    const node = death === 'source-restarts' ? this.source : this.target;
    const keys = (await this.remaining()).slice(0, 4);
    // It may die before or after the keys have moved, or between the two nodes' parts of it.
    await Promise.all([this.migrate(keys).catch(() => undefined), this.restart(node)]);
  }

  /** A restarted node still knows what it was moving. Its replica wouldn't, so it must not take over. */
  private async restart(node: PrivateServer): Promise<void> {
    const { servers, random } = this.context;
    await servers.withoutFailover(node, async () => {
      await node.kill();
      await delay(random.between(0, 400));
      await node.restart();
    });
  }

  /** The target dies, and the move goes on to the replica that takes over. */
  private async replaceTarget(): Promise<void> {
    const { servers } = this.context;
    const replica = await servers.replicaOf(this.target);
    await this.untilReplicated(replica);
    const dead = this.target;
    this.target = replica;
    await failOver(this.context, dead, { whenPromoted: () => this.open() });
  }

  /** Keys that have only reached the target would die with it. */
  private async untilReplicated(replica: PrivateServer): Promise<void> {
    const { servers } = this.context;
    const offset = async (server: PrivateServer) => {
      const info = await servers.on(server, (node) => node.info('replication'));
      const field = server === replica ? 'slave_repl_offset' : 'master_repl_offset';
      return Number(new RegExp(`${field}:(\\d+)`).exec(info)?.[1]);
    };
    const reached = await offset(this.target);
    while ((await offset(replica)) < reached) await delay(5);
  }

  private async remaining(): Promise<string[]> {
    const keys = await this.context.servers.on(this.source, (node) =>
      node.cluster('GETKEYSINSLOT', this.slot, 10_000),
    );
    return (keys as string[]).toSorted();
  }

  private async open(): Promise<void> {
    await this.setSlot(this.target, 'IMPORTING', this.source);
    await this.setSlot(this.source, 'MIGRATING', this.target);
  }

  /** The target first: if the source closed the slot first, neither would serve it for a while. */
  private async close(): Promise<void> {
    const masters = await this.context.servers.masters();
    const others = masters.filter((node) => node !== this.source && node !== this.target);
    for (const node of [this.target, this.source, ...others]) {
      await this.setSlot(node, 'NODE', this.target);
    }
  }

  private async setSlot(on: PrivateServer, state: string, of: PrivateServer): Promise<void> {
    const { servers } = this.context;
    const id = String(await servers.on(of, (node) => node.call('CLUSTER', 'MYID')));
    await servers.on(on, (node) => node.call('CLUSTER', 'SETSLOT', this.slot, state, id));
  }
}

/** Slots of some buckets move to other masters, and sometimes one of the two nodes dies meanwhile. */
const slotsMoved: FaultKind = {
  name: 'slots-moved',
  on: 'cluster',
  inject: async (context) => {
    const { servers, random, problems } = context;
    await servers.redisLock.hold(async () => {
      await servers.untilHealthy();
      const buckets = allBuckets().filter(() => random.chance(0.4));
      for (const bucket of buckets) {
        const death = random.chance(0.5) ? 'none' : random.pick(deaths);
        await SlotMove.start(context, bucket)
          .then((move) => move.run(death))
          .catch((error: unknown) => problems.push(`a slot did not move: ${String(error)}`));
      }
    });
  },
};

export const slotKinds: FaultKind[] = [slotsMoved];
