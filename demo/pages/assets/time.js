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

/** A moment as people say it; the exact one is in the tooltip. */
export function ago(iso) {
  const at = new Date(iso);
  return el('time', { datetime: iso, title: exact.format(at), class: 'ago' }, inWords(at));
}

/** A moment of today as the clock shows it. */
export function clockTime(iso) {
  const at = new Date(iso);
  return el('time', { datetime: iso, title: exact.format(at) }, clock.format(at));
}

/** A moment with its date. */
export function fullTime(iso) {
  return el('time', { datetime: iso }, exact.format(new Date(iso)));
}

/** Keeps what `ago` says true while the page is open. */
setInterval(() => {
  for (const time of document.querySelectorAll('time.ago')) {
    time.textContent = inWords(new Date(time.dateTime));
  }
}, 15_000);

function inWords(at) {
  const seconds = (at.getTime() - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? [];
  return unit ? relative.format(Math.round(seconds / size), unit) : 'just now';
}
