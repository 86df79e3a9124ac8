import { setTimeout as delay } from 'node:timers/promises';

import type { StartOptions } from './application/protocol.js';
import type { Breach } from './checker/breach.js';
import { check } from './checker/check.js';
import type { Evidence } from './checker/evidence.js';
import type { Losses } from './checker/losses.js';
import type { Promises } from './checker/promises.js';
import { time } from './clock.js';
import { Directory } from './directory.js';
import { Fleet } from './fleet.js';
import { History } from './history.js';
import { BUCKETS, PREFIX } from './keys.js';
import { kindsFor, type Kind } from './kinds/index.js';
import { Random } from './random.js';
import { readEvidence } from './read-evidence.js';
import { Servers } from './servers.js';
import { reconcile, settle } from './settle.js';
import { Traffic } from './traffic.js';
import type { World } from './world.js';

/** Faults between two checks. */
const ROUND = 40;

export interface CampaignOptions {
  faults: number;
  seed: number;
  only: string[];
  isCluster: boolean;
}

/** A fault, and when it reigned. */
export interface Strike {
  kind: string;
  from: number;
  to: number;
}

export interface Outcome {
  options: CampaignOptions;
  rules: StartOptions['module'];
  versions: string;
  strikes: Strike[];
  history: History;
  breaches: Breach[];
  losses: Losses;
  evidence: Evidence;
  seconds: number;
}

export interface Progress {
  struck(strikes: Strike[], acknowledged: number): void;
  checked(rounds: number): void;
}

/** Runs faults against an application under traffic, until all are done or a promise is broken. */
export async function runCampaign(options: CampaignOptions, progress: Progress): Promise<Outcome> {
  const began = time();
  const random = new Random(options.seed);
  const servers = await Servers.start(options.isCluster);
  const redis = servers.openRedis();
  try {
    const rules = drawRules(random);
    const versions = await servers.versions();
    const fleet = await Fleet.start(servers, rules);
    const history = new History();
    const traffic = new Traffic(fleet, new Directory(), history, random.fork());
    const world: World = {
      servers,
      fleet,
      traffic,
      random,
      reigning: [],
      lossWindows: [],
      undoAfterCheck: [],
      complaints: [],
    };
    const strikes: Strike[] = [];
    try {
      for (;;) {
        traffic.start();
        await strikeRound(world, options, strikes, () =>
          progress.struck(strikes, history.acknowledged),
        );
        await settle(world, redis);
        await reconcile(world);
        const evidence = await readEvidence(redis, servers.postgres.url);
        const verdict = check(history.calls, evidence, promisesOf(rules, world));
        const breaches = [...verdict.breaches, ...complaints(world)];
        for (const undo of world.undoAfterCheck.splice(0)) undo();
        progress.checked(strikes.length);
        if (strikes.length < options.faults && breaches.length === 0) continue;
        const seconds = (time() - began) / 1_000;
        const { losses } = verdict;
        return { options, rules, versions, strikes, history, breaches, losses, evidence, seconds };
      }
    } finally {
      await fleet.stop();
    }
  } finally {
    redis.disconnect();
    await servers.stop();
  }
}

/** The module's options that a seed stands for. */
function drawRules(random: Random): StartOptions['module'] {
  return {
    prefix: PREFIX,
    buckets: BUCKETS,
    lifetime: '1h',
    idleTimeout: random.pick([0, 4_000, 12_000]),
    maxSessionsPerUser: random.pick([0, 5, 8]),
    overflow: random.pick(['evict-oldest', 'reject'] as const),
    audit: { backlogLimit: random.pick([400, 100_000]) },
  };
}

function promisesOf(rules: StartOptions['module'], { lossWindows }: World): Promises {
  return {
    idleTimeout: Number(rules.idleTimeout),
    maxSessionsPerUser: rules.maxSessionsPerUser ?? 0,
    overflow: rules.overflow ?? 'evict-oldest',
    lossWindows,
  };
}

async function strikeRound(
  world: World,
  { faults, only, isCluster }: CampaignOptions,
  strikes: Strike[],
  onStrike: () => void,
): Promise<void> {
  const { random } = world;
  const kinds = kindsFor(isCluster, only);
  const goal = Math.min(faults, strikes.length + ROUND);
  while (strikes.length < goal) {
    // Faults seldom come alone.
    const together = random.weighed([
      [3, 1],
      [3, 2],
      [2, 3],
      [1, 4],
    ] as const);
    const count = Math.min(together, goal - strikes.length);
    const drawn = Array.from({ length: count }, () =>
      random.weighed(kinds.map((kind) => [kind.weight ?? 1, kind] as const)),
    );
    await Promise.all(drawn.map((kind) => strike(kind, world, strikes)));
    onStrike();
    await delay(random.between(50, 700));
  }
}

async function strike(kind: Kind, world: World, strikes: Strike[]): Promise<void> {
  const one: Strike = { kind: kind.name, from: time(), to: Infinity };
  strikes.push(one);
  world.reigning.push(kind.name);
  await kind.strike(world);
  world.reigning.splice(world.reigning.indexOf(kind.name), 1);
  one.to = time();
}

/** What no call shows: processes that ended by themselves, work that is never done. */
function complaints({ fleet, complaints: heard }: World): Breach[] {
  const crashes = fleet.members.flatMap((member) => member.crashes);
  return [...heard, ...crashes].map((text) => ({ kind: 'wrong', handle: null, text }));
}
