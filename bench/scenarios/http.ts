import autocannon from 'autocannon';

import type { Bar } from '../harness/chart.js';
import type { Methods, Place } from '../harness/contender.js';
import { hire, type Hired } from '../harness/hire.js';
import { relativeRow } from '../harness/in-turn.js';
import { say } from '../harness/progress.js';
import type { Row } from '../harness/row.js';
import type { Effort, Scenario } from '../harness/scenario.js';

/** A web application in a process of its own, with signed-in clients. */
export interface WebServer extends Methods {
  /** Its address, and a cookie of each client. */
  listen(): Promise<{ url: string; cookies: string[] }>;
}

export const CLIENTS = 64;
/** Requests of a tiny run. */
const FEW = 200;

/** Each measurement: a server, and the route that is asked for. */
const ROUTES = [
  ['guarded', 'http-express', '/guarded'],
  ['bare', 'http-express', '/bare'],
  ['peer', 'http-express-session', '/guarded'],
  ['guarded, Fastify', 'http-fastify', '/guarded'],
  ['bare, Fastify', 'http-fastify', '/bare'],
] as const;
type Name = (typeof ROUTES)[number][0];

/** What a guard costs a request. The load comes from this process, the server is another. */
export const http: Scenario = {
  rows: ['http', 'http-peer'],
  async run(place, effort) {
    const figures = await loadInTurn(place, effort);
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
    return [worse(express, fastify), peer];
  },
  chart: (rows) => ({
    name: 'http',
    title: 'A guarded route in Nest',
    unit: 'requests a second',
    bars: rows.flatMap(barsOfRow),
  }),
};

async function loadInTurn(
  place: Place,
  { rounds, roundMs, quick }: Effort,
): Promise<Record<Name, number[]>> {
  const servers = new Map<string, Hired<WebServer>>();
  try {
    for (const [, file] of ROUTES) {
      if (!servers.has(file)) servers.set(file, await hire<WebServer>(file, place));
    }
    const figures = {} as Record<Name, number[]>;
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, file, route] of ROUTES) {
        say(`http: ${name}, round ${round} of ${rounds}`);
        const { url, cookies } = await servers.get(file)!.call('listen');
        const figure = await load(url + route, cookies, quick ? FEW : undefined, roundMs);
        if (round > 0) (figures[name] ??= []).push(figure);
      }
    }
    return figures;
  } finally {
    await Promise.all([...servers.values()].map((server) => server.dismiss()));
  }
}

/** Requests a second, from clients that each wait for the answer before they ask again. */
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
    throw new Error(`${url} gave ${result.non2xx} refusals and ${result.errors} errors.`);
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

/** The bar is for both platforms, so the row is that of the worse one. */
function worse(express: Row, fastify: Row): Row {
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
