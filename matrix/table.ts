import type { StepResult } from './trial.js';

export interface Row {
  name: string;
  results: StepResult[];
}

/** One row per trial and one column per step; `–` for a step that the trial doesn't have. */
export function markdownTable(rows: Row[]): string {
  const steps = [...new Set(rows.flatMap(({ results }) => results.map(({ step }) => step)))];
  const lines = rows.map(({ name, results }) => [
    name,
    ...steps.map((step) => mark(results, step)),
  ]);
  const ruler = ['', ...steps].map(() => '---');
  return [['application', ...steps], ruler, ...lines]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');
}

function mark(results: StepResult[], step: string): string {
  const result = results.find((each) => each.step === step);
  if (!result) return '–';
  return result.error ? '✘' : '✔';
}
