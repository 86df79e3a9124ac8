import { readFileSync } from 'node:fs';

/** A statement of docs/sql.md, with the heading over it. */
export interface Recipe {
  heading: string;
  /** The `##` heading that it stands under. */
  part: string;
  sql: string;
}

/** The text of docs/sql.md. */
export const document = readFileSync(new URL('../../../docs/sql.md', import.meta.url), 'utf8');

/** The statements of docs/sql.md, in order. Tests take them from there, so the two can't part. */
export const recipes: Recipe[] = readRecipes(document);

/** The statement under this heading. */
export function recipe(heading: string): string {
  const found = recipes.find((each) => each.heading === heading);
  if (!found) throw new Error(`docs/sql.md has no statement under '${heading}'`);
  return found.sql;
}

function readRecipes(text: string): Recipe[] {
  const found: Recipe[] = [];
  let [part, heading] = ['', ''];
  for (const [, level, title, sql] of text.matchAll(/^(##+) (.+)$|^```sql\n([^]*?)^```$/gm)) {
    if (level === '##') part = title!;
    if (level) heading = title!;
    else found.push({ heading, part, sql: sql! });
  }
  return found;
}
