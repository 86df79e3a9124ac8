import type { Row } from './row.js';
import type { Spread } from './statistics.js';
import { formatFigure } from './terminal.js';

export interface Bar {
  label: string;
  value: number;
  /** Drawn as a whisker. */
  spread?: Spread | null;
  /** Ours are highlighted. */
  ours?: boolean;
}

export interface Chart {
  /** The name of its file, without the extension. */
  name: string;
  title: string;
  unit: string;
  bars: Bar[];
}

const WIDTH = 720;
const LABELS = 230;
const FIGURES = 90;
const BAR = 22;
const STEP = 34;
const TOP = 52;
const COLOURS = { ours: '#2563eb', other: '#94a3b8', text: '#0f172a', whisker: '#0f172a' };

/** The bars of rows that may share a contender: ours once, then each peer. */
export function barsOf(rows: Row[]): Bar[] {
  const bars = rows.flatMap(({ labels, ours, peer, spread }): Bar[] => [
    { label: labels.ours, value: ours, spread: spread?.ours, ours: true },
    ...(peer === null ? [] : [{ label: labels.peer, value: peer, spread: spread?.peer }]),
  ]);
  return [...new Map(bars.map((bar) => [bar.label, bar])).values()].toSorted(
    (a, b) => Number(b.ours ?? false) - Number(a.ours ?? false),
  );
}

/** Horizontal bars as SVG, with a background, to be readable on both light and dark pages. */
export function svg({ title, unit, bars }: Chart): string {
  const height = TOP + bars.length * STEP + 8;
  const longest = Math.max(...bars.map(({ value, spread }) => Math.max(value, spread?.max ?? 0)));
  const scale = (WIDTH - LABELS - FIGURES) / longest;
  const drawn = bars.map((bar, i) => draw(bar, TOP + i * STEP, scale));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="14" fill="${COLOURS.text}">
<title>${escape(title)}</title>
<rect width="${WIDTH}" height="${height}" rx="8" fill="#fff"/>
<text x="16" y="30" font-size="16" font-weight="600">${escape(title)} <tspan font-weight="400">(${escape(unit)})</tspan></text>
${drawn.join('\n')}
</svg>
`;
}

function draw({ label, value, spread, ours }: Bar, y: number, scale: number): string {
  const middle = y + BAR / 2;
  const end = LABELS + Math.max(value, spread?.max ?? 0) * scale;
  const parts = [
    text(LABELS - 10, middle, label, 'end'),
    `<rect x="${LABELS}" y="${y}" width="${round(value * scale)}" height="${BAR}" rx="3" fill="${ours ? COLOURS.ours : COLOURS.other}"/>`,
    text(round(end + 8), middle, formatFigure(value), 'start'),
  ];
  if (spread) parts.push(whisker(spread, middle, scale));
  return parts.join('\n');
}

function whisker({ min, max }: Spread, y: number, scale: number): string {
  const [from, to] = [round(LABELS + min * scale), round(LABELS + max * scale)];
  return `<path d="M${from} ${y}H${to}M${from} ${y - 5}v10M${to} ${y - 5}v10" stroke="${COLOURS.whisker}" fill="none"/>`;
}

function text(x: number, y: number, content: string, anchor: string): string {
  return `<text x="${x}" y="${y + 5}" text-anchor="${anchor}">${escape(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
