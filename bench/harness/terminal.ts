import type { Row } from './row.js';

const HEADINGS = ['name', 'ours', 'peer', 'unit', 'ratio', 'spread', 'threshold', 'met'];

/** The rows as a table. */
export function table(rows: Row[]): string {
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length)),
  );
  return lines.map((line) => line.map((cell, i) => cell.padEnd(widths[i]!)).join('  ')).join('\n');
}

function cells(row: Row): string[] {
  const { spread } = row;
  return [
    row.name,
    formatFigure(row.ours),
    row.peer === null ? '' : formatFigure(row.peer),
    row.unit,
    row.ratio.toFixed(2),
    spread ? `${spread.ratio.min.toFixed(2)}-${spread.ratio.max.toFixed(2)}` : '',
    String(row.threshold),
    row.met ? 'yes' : 'NO',
  ];
}

/** `12,345` or `1.23`: no more digits than are significant. */
export function formatFigure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** Prints to standard error what is being measured; on a terminal, overwrites the previous line. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else process.stderr.write(`${text}\n`);
}

export function finishProgress(text: string): void {
  showProgress(text);
  if (process.stderr.isTTY) process.stderr.write('\n');
}
