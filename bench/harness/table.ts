import type { Row } from './row.js';

const HEADINGS = ['name', 'ours', 'peer', 'unit', 'ratio', 'spread', 'bar', 'holds'];

/** The rows as a table for the terminal. */
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
    figure(row.ours),
    row.peer === null ? '' : figure(row.peer),
    row.unit,
    row.ratio.toFixed(2),
    spread ? `${spread.ratio.min.toFixed(2)}-${spread.ratio.max.toFixed(2)}` : '',
    String(row.bar),
    row.holds ? 'yes' : 'NO',
  ];
}

/** 12,345 or 1.23: as many digits as mean something. */
export function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
