import { svg } from './dom.js';

const HEIGHT = 220;
const MARGIN = { top: 12, right: 16, bottom: 26, left: 34 };
/** Minutes between time labels. */
const LABEL_EVERY = 5;
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/**
 * Creates a bar chart in an element: sign-ins above the axis, session ends below. Returns a function
 * that updates it. The chart is redrawn whenever the element's width changes: scaling the picture
 * would make its text too small on a phone.
 */
export function createChart(element) {
  let minutes = [];
  const draw = () => {
    if (minutes.length > 0 && element.clientWidth > 0) {
      element.replaceChildren(drawChart(minutes, element.clientWidth));
    }
  };
  new ResizeObserver(draw).observe(element);
  return (newMinutes) => {
    minutes = newMinutes;
    draw();
  };
}

function drawChart(minutes, width) {
  const maximum = roundUp(Math.max(...minutes.flatMap(({ signIns, ends }) => [signIns, ends])));
  const middle = MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) / 2;
  const unit = (middle - MARGIN.top) / maximum;
  const step = (width - MARGIN.left - MARGIN.right) / minutes.length;
  return svg(
    'svg',
    {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      height: HEIGHT,
      role: 'img',
      'aria-label': describe(minutes),
    },
    ...[maximum, 0, -maximum].map((value) => gridLine(value, middle - value * unit, width)),
    ...minutes.map((minute, i) => column(minute, MARGIN.left + i * step, step, middle, unit)),
    ...minutes.map((minute, i) => label(minute, MARGIN.left + (i + 0.5) * step)),
  );
}

function gridLine(value, y, width) {
  return svg(
    'g',
    { class: value === 0 ? 'grid axis' : 'grid' },
    svg('line', { x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }),
    svg('text', { x: MARGIN.left - 8, y: y + 4, 'text-anchor': 'end' }, String(Math.abs(value))),
  );
}

function column({ minute, signIns, ends }, x, step, middle, unit) {
  const width = Math.max(2, step * 0.66);
  const left = x + (step - width) / 2;
  const bar = (kind, y, height) =>
    svg('rect', { class: kind, x: left, y, width, height, rx: Math.min(3, width / 3) });
  return svg(
    'g',
    {},
    svg(
      'title',
      {},
      `${clock.format(new Date(minute))}: ${count(signIns, 'sign-in')}, ${count(ends, 'session end')}`,
    ),
    svg('rect', {
      class: 'hit',
      x,
      y: MARGIN.top,
      width: step,
      height: HEIGHT - MARGIN.top - MARGIN.bottom,
    }),
    signIns > 0 ? bar('sign-ins', middle - signIns * unit, signIns * unit - 1) : null,
    ends > 0 ? bar('ends', middle + 1, ends * unit - 1) : null,
  );
}

function label({ minute }, x) {
  const at = new Date(minute);
  if (at.getMinutes() % LABEL_EVERY !== 0) return null;
  return svg('text', { x, y: HEIGHT - 6, 'text-anchor': 'middle' }, clock.format(at));
}

/** The chart's text alternative for screen readers. */
function describe(minutes) {
  const sum = (key) => minutes.reduce((total, minute) => total + minute[key], 0);
  return `In the last ${minutes.length} minutes: ${count(sum('signIns'), 'sign-in')}, ${count(sum('ends'), 'session end')}.`;
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Rounds up to 4, 10, 20, 40, 100, …, so that the scale doesn't change with each sign-in. */
function roundUp(value) {
  let nice = 4;
  for (let i = 0; nice < value; i += 1) nice *= i % 3 === 0 ? 2.5 : 2;
  return nice;
}
