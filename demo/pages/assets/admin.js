import { api } from './api.js';
import { chartIn } from './chart.js';
import { byId, el } from './dom.js';
import { attempt, frame } from './frame.js';
import { ago, clockTime } from './time.js';

const SHOWN_ENTRIES = 50;

const drawChart = chartIn(byId('chart'));
const entries = byId('entries');
const pulse = byId('pulse');

function watch() {
  const stream = new EventSource('/admin/ledger/live');
  stream.addEventListener('entries', ({ data }) => showEntries(JSON.parse(data)));
  stream.addEventListener('figures', ({ data }) => showFigures(JSON.parse(data)));
  stream.addEventListener('chain', ({ data }) => showChain(JSON.parse(data)));
  stream.addEventListener('trouble', ({ data }) => showPulse('away', data));
  stream.addEventListener('error', () => {
    showPulse('away', 'Reconnecting …');
    // The browser tries again by itself unless it was refused: signed out, say.
    if (stream.readyState === EventSource.CLOSED) void attempt(() => api('/me'));
  });
}

function showPulse(state, text) {
  // Said once, not with each event: it is read out.
  if (pulse.textContent === text) return;
  pulse.dataset.state = state;
  pulse.textContent = text;
}

function showFigures({ sessions, users, backlog, deadLetters, minutes }) {
  showPulse('live', 'Live');
  byId('sessions').textContent = sessions;
  byId('users-now').textContent = users;
  byId('backlog').textContent = backlog;
  byId('dead-letters').textContent = deadLetters;
  drawChart(minutes);
}

function showChain({ isWhole, rows, breaks, checkedAt }) {
  const chain = byId('chain');
  const text = isWhole ? 'Whole' : 'Broken';
  chain.dataset.state = isWhole ? 'whole' : 'broken';
  if (chain.textContent !== text) chain.textContent = text;
  const places = breaks.map(({ chain: number, seq, problem }) => `${number}·${seq} (${problem})`);
  byId('chain-details').replaceChildren(
    `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'} verified `,
    ago(checkedAt),
    places.length > 0 ? `, broken at ${places.join(', ')}` : '.',
  );
}

/** The newest on top. After a reconnection some come again. */
function showEntries(news) {
  const known = new Set([...entries.rows].map((row) => row.dataset.row));
  const rows = news.filter((entry) => !known.has(`${entry.chain}·${entry.seq}`)).map(entryRow);
  entries.prepend(...rows.toReversed());
  while (entries.rows.length > SHOWN_ENTRIES) entries.deleteRow(-1);
  byId('no-entries').hidden = entries.rows.length > 0;
}

function entryRow({ chain, seq, occurredAt, event, user, reason, actor, handle, hash }) {
  const row = `${chain}·${seq}`;
  const what = event === 'created' ? 'began' : 'ended';
  return el(
    'tr',
    { 'data-row': row },
    el('td', {}, clockTime(occurredAt)),
    el('td', {}, el('span', { class: `event ${what}` }, what)),
    el('td', {}, user ?? 'nobody (deleted)'),
    el('td', {}, reason ?? ''),
    el('td', {}, actor ?? ''),
    el('td', { class: 'extra' }, el('code', { title: handle }, `${handle.slice(0, 10)}…`)),
    el('td', { class: 'extra' }, row),
    el('td', { class: 'extra' }, el('code', {}, hash)),
  );
}

async function showUsers() {
  const users = await api('/admin/users');
  byId('users').replaceChildren(
    ...users.map(({ id, name, email, role }) =>
      el(
        'li',
        {},
        el('a', { href: `/user?id=${id}` }, name),
        el('span', { class: 'quiet' }, ` ${email}`),
        role === 'admin' ? el('span', { class: 'badge' }, 'Administrator') : null,
      ),
    ),
  );
}

byId('verify').addEventListener('click', ({ currentTarget: button }) =>
  attempt(async () => {
    button.disabled = true;
    try {
      showChain(await api('/admin/ledger/verify', { method: 'POST' }));
    } finally {
      button.disabled = false;
    }
  }),
);

await attempt(async () => {
  await frame();
  await showUsers();
  watch();
});
