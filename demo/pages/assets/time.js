import { el } from './dom.js';

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** A relative time such as '5 minutes ago', with the exact time as its tooltip. */
export function relativeTime(iso) {
  const at = new Date(iso);
  return el('time', { datetime: iso, title: exact.format(at), class: 'relative' }, describe(at));
}

/** The time of day, with the date in the tooltip. */
export function clockTime(iso) {
  const at = new Date(iso);
  return el('time', { datetime: iso, title: exact.format(at) }, clock.format(at));
}

/** Date and time. */
export function fullTime(iso) {
  return el('time', { datetime: iso }, exact.format(new Date(iso)));
}

// Keeps relative times up to date while the page is open.
setInterval(() => {
  for (const time of document.querySelectorAll('time.relative')) {
    time.textContent = describe(new Date(time.dateTime));
  }
}, 15_000);

function describe(at) {
  const seconds = (at.getTime() - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? [];
  return unit ? relative.format(Math.round(seconds / size), unit) : 'just now';
}
