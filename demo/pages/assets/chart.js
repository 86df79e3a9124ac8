import { svg } from './dom.js';

const HEIGHT = 220;
const EDGE = { top: 12, right: 8, bottom: 26, left: 34 };
/** Minutes between two labels. */
const LABEL_EVERY = 5;
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/**
 * Keeps a chart of what happened per minute in an element: sign-ins above the line, ends below.
 * Drawn at the size at which it is seen, so that its text stays readable on a phone.
 */
export function chartIn(element) {
  let minutes = [];
  const draw = () => {
    if (minutes.length > 0 && element.clientWidth > 0) {
      element.replaceChildren(picture(minutes, element.clientWidth));
    }
  };
  new ResizeObserver(draw).observe(element);
  return (newMinutes) => {
    minutes = newMinutes;
    draw();
  };
}

function picture(minutes, width) {
  const most = niceMaximum(Math.max(...minutes.flatMap(({ signIns, ends }) => [signIns, ends])));
  const middle = EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) / 2;
  const unit = (middle - EDGE.top) / most;
  const step = (width - EDGE.left - EDGE.right) / minutes.length;
  return svg(
    'svg',
    {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      height: HEIGHT,
      role: 'img',
      'aria-label': inWords(minutes),
    },
    ...[most, 0, -most].map((value) => gridLine(value, middle - value * unit, width)),
    ...minutes.map((minute, i) => column(minute, EDGE.left + i * step, step, middle, unit)),
    ...minutes.map((minute, i) => label(minute, EDGE.left + (i + 0.5) * step)),
  );
}

function gridLine(value, y, width) {
  return svg(
    'g',
    { class: value === 0 ? 'grid axis' : 'grid' },
    svg('line', { x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y }),
    svg('text', { x: EDGE.left - 8, y: y + 4, 'text-anchor': 'end' }, String(Math.abs(value))),
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
      `${clock.format(new Date(minute))}: ${count(signIns, 'sign-in')}, ${count(ends, 'end')}`,
    ),
    svg('rect', {
      class: 'hit',
      x,
      y: EDGE.top,
      width: step,
      height: HEIGHT - EDGE.top - EDGE.bottom,
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

/** What the picture says to those who don't see it. */
function inWords(minutes) {
  const sum = (key) => minutes.reduce((total, minute) => total + minute[key], 0);
  return `In the last ${minutes.length} minutes: ${count(sum('signIns'), 'sign-in')}, ${count(sum('ends'), 'end')}.`;
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** The next of 4, 10, 20, 40, 100, …, so that the scale doesn't jump with each sign-in. */
function niceMaximum(most) {
  let nice = 4;
  for (let i = 0; nice < most; i += 1) nice *= i % 3 === 0 ? 2.5 : 2;
  return nice;
}
