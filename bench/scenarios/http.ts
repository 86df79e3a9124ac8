import autocannon from 'autocannon';

import type { Child } from '../../dev/child-process.js';
import type { Bar } from '../harness/chart.js';
import type { ServerUrls } from '../harness/contender.js';
import { relativeRow, type Row } from '../harness/row.js';
import type { Effort, Scenario } from '../harness/scenario.js';
import { spawn } from '../harness/spawn.js';
import { showProgress } from '../harness/terminal.js';

/** A web application with signed-in clients. */
export interface WebServer {
  /** Its URL, and a cookie for each client. */
  listen(): Promise<{ url: string; cookies: string[] }>;
}

export const CLIENTS = 64;
/** The requests of a quick run. */
const FEW_REQUESTS = 200;

/** What is measured: a contender and the requested route. */
const ROUTES = [
  ['guarded', 'http-express', '/guarded'],
  ['bare', 'http-express', '/bare'],
  ['peer', 'http-express-session', '/guarded'],
  ['guarded, Fastify', 'http-fastify', '/guarded'],
  ['bare, Fastify', 'http-fastify', '/bare'],
] as const;
type Name = (typeof ROUTES)[number][0];

/** How much the guard adds to a request. The benchmark's own process sends the requests. */
export const http: Scenario = {
  rows: ['http', 'http-peer'],
  async run(servers, effort) {
    const figures = await loadInterleaved(servers, effort);
    const of = (name: Name, label: string) => ({ label, figures: figures[name] });
    const express = relativeRow(
      'http',
      0.9,
      'requests/s',
      of('guarded', 'guarded, Express'),
      of('bare', 'bare route, Express'),
    );
    const fastify = relativeRow(
      'http',
      0.9,
      'requests/s',
      of('guarded, Fastify', 'guarded, Fastify'),
      of('bare, Fastify', 'bare route, Fastify'),
    );
    const peer = relativeRow(
      'http-peer',
      1.5,
      'requests/s',
      of('guarded', 'guarded, Express'),
      of('peer', 'express-session + connect-redis'),
    );
    return [slowerOf(express, fastify), peer];
  },
  chart: (rows) => ({
    name: 'http',
    title: 'A guarded route in Nest',
    unit: 'requests per second',
    bars: rows.flatMap(barsOfRow),
  }),
};

async function loadInterleaved(
  servers: ServerUrls,
  { rounds, roundMs, quick }: Effort,
): Promise<Record<Name, number[]>> {
  const applications = new Map<string, Child<WebServer>>();
  try {
    for (const [, name] of ROUTES) {
      if (!applications.has(name)) applications.set(name, await spawn<WebServer>(name, servers));
    }
    const figures = {} as Record<Name, number[]>;
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, contender, route] of ROUTES) {
        showProgress(`http: ${name}, round ${round} of ${rounds}`);
        const { url, cookies } = await applications.get(contender)!.call('listen');
        const amount = quick ? FEW_REQUESTS : undefined;
        const figure = await load(url + route, cookies, amount, roundMs);
        if (round > 0) (figures[name] ??= []).push(figure);
      }
    }
    return figures;
  } finally {
    await Promise.all([...applications.values()].map((application) => application.stop()));
  }
}

/** Requests per second, from clients that each wait for a response before the next request. */
async function load(
  url: string,
  cookies: string[],
  amount: number | undefined,
  ms: number,
): Promise<number> {
  const result = await autocannon({
    url,
    connections: CLIENTS,
    requests: cookies.map((cookie) => ({ headers: { cookie } })),
    ...(amount === undefined ? { duration: Math.ceil(ms / 1_000) } : { amount }),
  });
  if (result.non2xx + result.errors > 0 || result['2xx'] === 0) {
    throw new Error(`${url}: ${result.non2xx} responses other than 2xx, ${result.errors} errors.`);
  }
  return result['2xx'] / result.duration;
}

function barsOfRow({ name, labels, peer, details }: Row): Bar[] {
  if (name === 'http-peer') return [{ label: labels.peer, value: peer! }];
  return ['Express', 'Fastify'].flatMap((platform) => [
    {
      label: `guarded, ${platform}`,
      value: Number(details![`${platform}: guarded`]),
      ours: true,
    },
    { label: `bare route, ${platform}`, value: Number(details![`${platform}: bare`]) },
  ]);
}

/** The threshold applies to both platforms, so the row is that of the slower one. */
function slowerOf(express: Row, fastify: Row): Row {
  const row = express.ratio <= fastify.ratio ? express : fastify;
  const details = {
    'Express: guarded': express.ours,
    'Express: bare': express.peer!,
    'Express: ratio': express.ratio,
    'Fastify: guarded': fastify.ours,
    'Fastify: bare': fastify.peer!,
    'Fastify: ratio': fastify.ratio,
  };
  return { ...row, details };
}
