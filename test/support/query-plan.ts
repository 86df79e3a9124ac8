/** A row that `EXPLAIN (FORMAT JSON)` returns, with or without `ANALYZE`. */
export interface ExplainRow {
  'QUERY PLAN': [{ Plan: PlanNode }];
}

/** A node of Postgres's query plan; the counts are present with `ANALYZE` only. */
export interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows'?: number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** The nodes of a plan that read a table. */
export function tableScans(row: ExplainRow): PlanNode[] {
  return nodesOf(row['QUERY PLAN'][0].Plan).filter((node) => node['Relation Name']);
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}
