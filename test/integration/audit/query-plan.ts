/** A row of `EXPLAIN (ANALYZE, FORMAT JSON)`. */
export interface ExplainResult {
  'QUERY PLAN': [{ Plan: PlanNode }];
}

interface PlanNode {
  'Node Type': string;
  'Actual Rows': number;
  'Rows Removed by Filter'?: number;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** More rows than any page or batch has. */
const MANY = 5_000;

/** The tables that a statement read sequentially, or of which it read more than `MANY` rows. */
export function tablesReadInFull(result: ExplainResult): string[] {
  return nodesOf(result['QUERY PLAN'][0].Plan)
    .filter((node) => node['Relation Name'])
    .map((node) => ({
      rows: node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0),
      text: `${node['Node Type']} of ${node['Relation Name']}`,
    }))
    .filter(
      ({ rows, text }) => rows > MANY || (text.startsWith('Seq Scan of sessions') && rows > 0),
    )
    .map(({ rows, text }) => `${text}: ${rows} rows`);
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}
