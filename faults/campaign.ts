import { setTimeout as delay } from 'node:timers/promises';

import type { StartOptions } from './application/protocol.js';
import type { CampaignContext, FaultKind } from './campaign-context.js';
import { check } from './checker/check.js';
import type { Evidence } from './checker/evidence.js';
import { noDamages, type Damages, type Guarantees } from './checker/guarantees.js';
import type { Losses } from './checker/losses.js';
import type { Violation } from './checker/violation.js';
import { Directory } from './directory.js';
import { Fleet } from './fleet.js';
import { History, now } from './history.js';
import { BUCKETS, PREFIX } from './keys.js';
import { kindsFor } from './kinds/index.js';
import { Random } from './random.js';
import { readEvidence, withPostgres } from './read-evidence.js';
import { Servers, until } from './servers.js';
import { Traffic } from './traffic.js';
import { waitUntilIdle } from './wait-until-idle.js';

/** Faults between two checks. */
const ROUND = 50;
/** Faults that can be active at the same time. */
const CONCURRENT_FAULTS = 3;

export interface CampaignOptions {
  faults: number;
  seed: number;
  /** Kinds of faults to inject. Empty: all. */
  only: string[];
  isCluster: boolean;
}

/** A fault, and when it was active. */
export interface Fault {
  kind: string;
  from: number;
  to: number;
}

export interface Outcome {
  options: CampaignOptions;
  rules: StartOptions['module'];
  versions: string;
  faults: Fault[];
  history: History;
  violations: Violation[];
  losses: Losses;
  evidence: Evidence;
  damages: Damages;
  seconds: number;
}

export interface Progress {
  injected(faults: Fault[], acknowledged: number): void;
  checked(): void;
}

/** Injects faults into an application under traffic, until all are done or a check fails. */
export async function runCampaign(options: CampaignOptions, progress: Progress): Promise<Outcome> {
  const startedAt = now();
  const random = new Random(options.seed);
  const servers = await Servers.start(options.isCluster);
  const redis = servers.openRedis();
  try {
    const rules = drawRules(random);
    const versions = await servers.versions();
    const fleet = await Fleet.start(servers, rules);
    await untilBound(servers);
    const history = new History();
    const traffic = new Traffic(fleet, new Directory(), history, random.fork());
    const context: CampaignContext = {
      servers,
      fleet,
      rules,
      traffic,
      random,
      activeKinds: [],
      damages: noDamages(),
      undoAfterCheck: [],
      problems: [],
    };
    const faults: Fault[] = [];
    try {
      for (;;) {
        traffic.start();
        await injectRound(context, options, faults, () =>
          progress.injected(faults, history.acknowledged),
        );
        await waitUntilIdle(context, redis);
        const evidence = await readEvidence(redis, servers.postgres.url);
        const verdict = check(history.calls, evidence, guaranteesOf(rules, context));
        const violations = [...verdict.violations, ...problemsOf(context)];
        for (const undo of context.undoAfterCheck.splice(0)) undo();
        progress.checked();
        if (faults.length < options.faults && violations.length === 0) continue;
        const seconds = (now() - startedAt) / 1_000;
        const { losses } = verdict;
        const run = { options, rules, versions, faults, history, damages: context.damages };
        return { ...run, violations, losses, evidence, seconds };
      }
    } catch (cause) {
      // A server that didn't come back explains it better than the refused connection.
      throw new Error(['The campaign failed.', ...context.problems].join('\n'), { cause });
    } finally {
      await fleet.stop();
    }
  } finally {
    redis.disconnect();
    await servers.stop();
  }
}

/** Before, the tables are those of whichever Redis comes first: with `wrong-redis`, of that one. */
async function untilBound({ postgres }: Servers): Promise<void> {
  await until('The ledger', () =>
    withPostgres(postgres.url, async (client) => {
      const { rows } = await client.query('SELECT FROM session_ledger WHERE keyspace IS NOT NULL');
      return rows.length > 0;
    }),
  );
}

/** The module's options, chosen by the seed. */
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

function guaranteesOf(rules: StartOptions['module'], { damages }: CampaignContext): Guarantees {
  return {
    idleTimeout: Number(rules.idleTimeout),
    maxSessionsPerUser: rules.maxSessionsPerUser ?? 0,
    overflow: rules.overflow ?? 'evict-oldest',
    damages,
  };
}

/** Injects faults concurrently, because real faults seldom come alone. */
async function injectRound(
  context: CampaignContext,
  { faults: total, only, isCluster }: CampaignOptions,
  faults: Fault[],
  onInjected: () => void,
): Promise<void> {
  const { random } = context;
  const kinds = kindsFor(isCluster, only).map((kind) => [kind.weight ?? 1, kind] as const);
  const goal = Math.min(total, faults.length + ROUND);
  const injectInTurn = async () => {
    await delay(random.between(50, 700));
    while (faults.length < goal) {
      await inject(random.pickWeighted(kinds), context, faults);
      onInjected();
      await delay(random.between(50, 700));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_FAULTS }, injectInTurn));
}

async function inject(kind: FaultKind, context: CampaignContext, faults: Fault[]): Promise<void> {
  const { activeKinds } = context;
  const fault: Fault = { kind: kind.name, from: now(), to: Infinity };
  faults.push(fault);
  activeKinds.push(kind.name);
  await kind.inject(context);
  activeKinds.splice(activeKinds.indexOf(kind.name), 1);
  fault.to = now();
}

/** Problems that no call reveals, such as crashed processes or work that never gets done. */
function problemsOf({ fleet, problems }: CampaignContext): Violation[] {
  const crashes = fleet.processes.flatMap((process) => process.crashes);
  return [...problems, ...crashes].map((text) => ({ kind: 'wrong', handle: null, text }));
}
