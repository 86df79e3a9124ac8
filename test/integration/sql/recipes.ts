import { readFileSync } from 'node:fs';

/** An SQL statement of docs/sql.md, with the heading above it. */
export interface Recipe {
  heading: string;
  /** The `##` heading of the section that contains it. */
  section: string;
  sql: string;
}

/** The text of docs/sql.md. */
export const document = readFileSync(new URL('../../../docs/sql.md', import.meta.url), 'utf8');

/** The statements of docs/sql.md, in order. Tests run these, so the document can't become stale. */
export const recipes: Recipe[] = readRecipes(document);

/** The statement under this heading. */
export function recipe(heading: string): string {
  const found = recipes.find((each) => each.heading === heading);
  if (!found) throw new Error(`docs/sql.md has no statement under '${heading}'`);
  return found.sql;
}

function readRecipes(text: string): Recipe[] {
  const found: Recipe[] = [];
  let [section, heading] = ['', ''];
  for (const [, level, title, sql] of text.matchAll(/^(##+) (.+)$|^```sql\n([^]*?)^```$/gm)) {
    if (level === '##') section = title!;
    if (level) heading = title!;
    else found.push({ heading, section, sql: sql! });
  }
  return found;
}
