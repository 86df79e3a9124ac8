import type { Fault, Outcome } from './campaign.js';
import { VIOLATION_KINDS, type Violation } from './checker/violation.js';
import { formatHistory } from './format-history.js';

/** The maximum number of violations whose histories are compared; there may be thousands. */
const MAX_COMPARED = 200;
const MAX_LISTED = 12;
const MAX_EXAMPLES = 4;

/** The table, the violations with one history, and the closing line. */
export function report(outcome: Outcome): string {
  const { violations } = outcome;
  return [
    '',
    table(outcome),
    '',
    `${Math.round(outcome.seconds)} s`,
    ...formatLosses(outcome),
    ...examplesOf(violations, outcome).map((each) => formatViolation(each, outcome)),
    ...listViolations(violations),
    closingLine(outcome),
    '',
  ].join('\n');
}

/** What was run, so that it can be repeated. */
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

/** For each kind of fault: the outcomes of the calls that started while such a fault was active. */
function table({ faults, history }: Outcome): string {
  const kinds = [...new Set(faults.map(({ kind }) => kind))].toSorted();
  const rows = kinds.map((kind) => {
    const own = faults.filter((fault) => fault.kind === kind);
    const calls = history.calls.filter((call) => wasActive(own, call.startedAt));
    const acknowledged = calls.filter(({ answer }) => answer?.ok).length;
    const failed = calls.filter(({ answer }) => answer && !answer.ok).length;
    const mean = own.reduce((sum, { from, to }) => sum + to - from, 0) / own.length / 1_000;
    const unanswered = calls.length - acknowledged - failed;
    return [kind, own.length, mean.toFixed(1), acknowledged, failed, unanswered];
  });
  const headings = ['kind', 'faults', 'mean (s)', 'acknowledged', 'failed', 'unanswered'];
  return [headings, ...rows].map(line).join('\n');
}

function line(cells: (string | number)[]): string {
  return cells
    .map((cell, i) => (i === 0 ? String(cell).padEnd(30) : String(cell).padStart(13)))
    .join('');
}

function wasActive(faults: Fault[], moment: number): boolean {
  return faults.some(({ from, to }) => moment >= from && moment <= to);
}

function formatLosses({ losses }: Outcome): string[] {
  const { starts, ends, endedAsLost, returned, recovered, named } = losses;
  if (Object.values(losses).every((count) => count === 0)) return [];
  return [
    '',
    `Acknowledged, then forgotten by Redis: ${starts} starts (no trace), ${ends} ends (the session ` +
      `lived on), ${endedAsLost} sessions that SQL knew (they ended as lost), and the ends of ` +
      `${returned} (they came back, and were ended again). Forgotten by Postgres: ${recovered} ` +
      `starts that were recorded anew, ${named} events that an incident names.`,
  ];
}

/** Some violations, each of another kind or text, of those with the shortest histories. */
function examplesOf(violations: Violation[], outcome: Outcome): Violation[] {
  const bySort = new Map(violations.toReversed().map((each) => [sortOf(each), each]));
  return [...bySort.values()].slice(0, MAX_EXAMPLES).map((first) => shortest(first, outcome));
}

function sortOf({ kind, text }: Violation): string {
  return `${kind} ${text.replaceAll(/\d+/g, '')}`;
}

/** The violation of the same kind whose session has the shortest history. */
function shortest(first: Violation, outcome: Outcome): Violation {
  const length = ({ handle }: Violation) =>
    handle === null ? Infinity : formatHistory(handle, outcome).length;
  return outcome.violations
    .filter((each) => sortOf(each) === sortOf(first))
    .slice(0, MAX_COMPARED)
    .reduce((best, each) => (length(each) < length(best) ? each : best), first);
}

function formatViolation({ kind, handle, text }: Violation, outcome: Outcome): string {
  const { options } = outcome;
  const lines = handle === null ? [] : formatHistory(handle, outcome);
  const only = options.only.length > 0 ? ` --only ${options.only.join(',')}` : '';
  const cluster = options.isCluster ? ' --cluster' : '';
  return [
    '',
    `${kind}: ${handle ?? ''} ${text}`,
    ...lines,
    `To repeat: npm run faults -- --faults ${options.faults} --seed ${options.seed}${only}${cluster}`,
  ].join('\n');
}

function listViolations(violations: Violation[]): string[] {
  if (violations.length < 2) return [''];
  // Violations that concern the whole system come first, because they may have caused the others.
  const some = violations
    .toSorted((a, b) => Number(a.handle !== null) - Number(b.handle !== null))
    .slice(0, MAX_LISTED)
    .map(({ kind, handle, text }) => `  ${kind}: ${handle ?? ''} ${text}`);
  return ['', `${violations.length} violations in total:`, ...some, ''];
}

function closingLine({ faults, history, violations }: Outcome): string {
  const count = (kind: Violation['kind']) => violations.filter((each) => each.kind === kind).length;
  const [lost, doubled, phantom, resurrected] = VIOLATION_KINDS.map(count);
  const chain = count('chain') === 0 ? 'chain whole' : 'chain broken';
  const wrong = count('wrong') === 0 ? '' : `, ${count('wrong')} otherwise wrong`;
  return (
    `${faults.length} faults, ${history.acknowledged} acknowledged calls, ${lost} lost, ` +
    `${doubled} doubled, ${phantom} phantom, ${resurrected} resurrected, ${chain}${wrong}`
  );
}
