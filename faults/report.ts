import type { Outcome, Strike } from './campaign.js';
import { BREACH_KINDS, type Breach } from './checker/breach.js';
import { tellHistory } from './tell-history.js';

/** The table, the breaches with their histories, and the closing line. */
export function report(outcome: Outcome): string {
  const { breaches } = outcome;
  return [
    '',
    table(outcome),
    '',
    `${Math.round(outcome.seconds)} s`,
    ...tellLosses(outcome),
    ...breaches.slice(0, 1).map((breach) => tellBreach(shortest(breach, outcome), outcome)),
    ...others(breaches),
    closingLine(outcome),
    '',
  ].join('\n');
}

/** What was run, so that it can be run again. */
export function heading({
  options,
  rules,
  versions,
}: Pick<Outcome, 'options' | 'rules' | 'versions'>) {
  const { idleTimeout, maxSessionsPerUser, overflow, audit } = rules;
  return [
    `seed ${options.seed} on ${options.isCluster ? 'a Redis Cluster' : 'a single Redis'}: ${versions}`,
    `idleTimeout ${idleTimeout} ms, maxSessionsPerUser ${maxSessionsPerUser} (${overflow}), backlogLimit ${audit?.backlogLimit}`,
  ].join('\n');
}

function table({ strikes, history }: Outcome): string {
  const kinds = [...new Set(strikes.map(({ kind }) => kind))].toSorted();
  const rows = kinds.map((kind) => {
    const own = strikes.filter((each) => each.kind === kind);
    const calls = history.calls.filter((call) => reigned(own, call.startedAt));
    const acknowledged = calls.filter(({ answer }) => answer?.ok).length;
    const refused = calls.filter(({ answer }) => answer && !answer.ok).length;
    const mean = own.reduce((sum, { from, to }) => sum + to - from, 0) / own.length / 1_000;
    const unanswered = calls.length - acknowledged - refused;
    return [kind, own.length, mean.toFixed(1), acknowledged, refused, unanswered];
  });
  const head = ['kind', 'faults', 's each', 'acknowledged', 'failed', 'no answer'];
  return [head, ...rows].map(line).join('\n');
}

function line(cells: (string | number)[]): string {
  return cells
    .map((cell, i) => (i === 0 ? String(cell).padEnd(30) : String(cell).padStart(13)))
    .join('');
}

function reigned(strikes: Strike[], moment: number): boolean {
  return strikes.some(({ from, to }) => moment >= from && moment <= to);
}

function tellLosses({ options, losses }: Outcome): string[] {
  if (!options.isCluster) return [];
  return [
    '',
    `Lost by asynchronous replication in failovers, of what was acknowledged: ${losses.beginnings} ` +
      `beginnings (no trace), ${losses.ends} ends (the session lived on), ${losses.endedAsLost} ` +
      `sessions that SQL knew and that were ended as lost.`,
  ];
}

/** Where there are thousands of breaches, so many histories are enough to choose from. */
const COMPARED = 200;

/** Of breaches of the same kind, the one whose session has the shortest history. */
function shortest(first: Breach, { breaches, history, evidence }: Outcome): Breach {
  const length = ({ handle }: Breach) =>
    handle === null ? Infinity : tellHistory(handle, history.calls, evidence).length;
  return breaches
    .filter(({ kind }) => kind === first.kind)
    .slice(0, COMPARED)
    .reduce((best, each) => (length(each) < length(best) ? each : best), first);
}

function tellBreach(breach: Breach, { history, evidence, options }: Outcome): string {
  const told = breach.handle === null ? [] : tellHistory(breach.handle, history.calls, evidence);
  const only = options.only.length > 0 ? ` --only ${options.only.join(',')}` : '';
  const cluster = options.isCluster ? ' --cluster' : '';
  return [
    '',
    `${breach.kind}: ${breach.handle ?? ''} ${breach.text}`,
    ...told,
    `Replay: npm run faults -- --faults ${options.faults} --seed ${options.seed}${only}${cluster}`,
  ].join('\n');
}

function others(breaches: Breach[]): string[] {
  if (breaches.length < 2) return [''];
  // What concerns the whole system first: it may be the cause of the others.
  const some = breaches
    .toSorted((a, b) => Number(a.handle !== null) - Number(b.handle !== null))
    .slice(0, 12)
    .map(({ kind, handle, text }) => `  ${kind}: ${handle ?? ''} ${text}`);
  return ['', `${breaches.length} breaches in all:`, ...some, ''];
}

function closingLine({ strikes, history, breaches }: Outcome): string {
  const count = (kind: Breach['kind']) => breaches.filter((each) => each.kind === kind).length;
  const [lost, doubled, phantom, resurrected] = BREACH_KINDS.map(count);
  const chain = count('chain') === 0 ? 'chain whole' : 'chain broken';
  const wrong = count('wrong') === 0 ? '' : `, ${count('wrong')} otherwise wrong`;
  return (
    `${strikes.length} faults, ${history.acknowledged} acknowledged calls, ${lost} lost, ` +
    `${doubled} doubled, ${phantom} phantom, ${resurrected} resurrected, ${chain}${wrong}`
  );
}
