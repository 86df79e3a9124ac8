import { api } from './api.js';
import { createChart } from './chart.js';
import { attempt, byId, el } from './dom.js';
import { setUpHeader } from './header.js';
import { clockTime, relativeTime } from './time.js';

const MAX_ENTRIES = 50;

const drawChart = createChart(byId('chart'));
const entries = byId('entries');
const connection = byId('connection');

function watch() {
  const stream = new EventSource('/admin/ledger/live');
  stream.addEventListener('entries', ({ data }) => showEntries(JSON.parse(data)));
  stream.addEventListener('figures', ({ data }) => showFigures(JSON.parse(data)));
  stream.addEventListener('chain', ({ data }) => showChain(JSON.parse(data)));
  stream.addEventListener('unavailable', ({ data }) => showConnection('lost', data));
  stream.addEventListener('error', () => {
    showConnection('lost', 'Reconnecting…');
    // The browser reconnects by itself unless the server rejected the request, for example because
    // the session has ended. `api` then opens the sign-in page.
    if (stream.readyState === EventSource.CLOSED) void attempt(() => api('/me'));
  });
}

function showConnection(state, text) {
  // Screen readers announce every assignment, even of the same text.
  if (connection.textContent === text) return;
  connection.dataset.state = state;
  connection.textContent = text;
}

function showFigures({ sessions, users, backlog, deadLetters, minutes }) {
  showConnection('live', 'Live');
  byId('sessions').textContent = sessions;
  byId('signed-in-users').textContent = users;
  byId('backlog').textContent = backlog;
  byId('dead-letters').textContent = deadLetters;
  drawChart(minutes);
}

function showChain({ isValid, rows, breaks, checkedAt }) {
  const chain = byId('chain');
  const text = isValid ? 'Valid' : 'Broken';
  chain.dataset.state = isValid ? 'valid' : 'broken';
  if (chain.textContent !== text) chain.textContent = text;
  const problems = breaks.map(({ chain: number, seq, problem }) => `${number}·${seq} (${problem})`);
  byId('chain-details').replaceChildren(
    `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'} verified `,
    relativeTime(checkedAt),
    problems.length > 0 ? `. Broken at row ${problems.join(', ')}.` : '.',
  );
}

/** Adds entries, newest first. After a reconnection the server sends some of them again. */
function showEntries(newEntries) {
  const known = new Set([...entries.rows].map((row) => row.dataset.row));
  const rows = newEntries
    .filter((entry) => !known.has(`${entry.chain}·${entry.seq}`))
    .map(entryRow);
  entries.prepend(...rows.toReversed());
  while (entries.rows.length > MAX_ENTRIES) entries.deleteRow(-1);
  byId('no-entries').hidden = entries.rows.length > 0;
}

function entryRow({ chain, seq, occurredAt, event, user, reason, actor, handle, hash }) {
  const row = `${chain}·${seq}`;
  const label = event === 'created' ? 'created' : 'ended';
  return el(
    'tr',
    { 'data-row': row },
    el('td', {}, clockTime(occurredAt)),
    el('td', {}, el('span', { class: `event ${label}` }, label)),
    el('td', {}, user ?? 'deleted user'),
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
  await setUpHeader();
  await showUsers();
  watch();
});
