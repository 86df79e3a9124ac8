import type { Client } from 'pg';

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** The tables that a statement would read from end to end, by Postgres's own plan for it. */
export async function tablesReadWhole(client: Client, sql: string): Promise<string[]> {
  const { rows } = await client.query(`EXPLAIN (FORMAT JSON) ${sql}`);
  const nodes = [...walk(rows[0]['QUERY PLAN'][0].Plan as PlanNode)];
  const scans = nodes.filter((node) => node['Node Type'] === 'Seq Scan');
  return [...new Set(scans.flatMap((node) => node['Relation Name'] ?? []))].toSorted();
}

/** Of those, the ones that have so many rows that it matters. */
export async function largeTablesReadWhole(client: Client, sql: string): Promise<string[]> {
  const tables = await tablesReadWhole(client, sql);
  const { rows } = await client.query(
    'SELECT relname FROM pg_class WHERE relname = ANY ($1) AND reltuples > 1000 ORDER BY relname',
    [tables],
  );
  return rows.map(({ relname }: { relname: string }) => relname);
}

function* walk(node: PlanNode): Generator<PlanNode> {
  yield node;
  for (const child of node.Plans ?? []) yield* walk(child);
}
