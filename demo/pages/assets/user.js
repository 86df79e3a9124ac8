import { api } from './api.js';
import { showDevices } from './device-list.js';
import { byId, el, say } from './dom.js';
import { attempt, frame } from './frame.js';
import { fullTime } from './time.js';

const path = `/admin/users/${Number(new URLSearchParams(location.search).get('id'))}`;
const endAll = byId('end-all');
const older = byId('older');

/** The ledger follows Redis within a moment. */
const RECORDING_TAKES = 1_000;

async function refresh() {
  const sessions = await api(`${path}/sessions`);
  showDevices(byId('devices'), sessions, end);
  endAll.disabled = sessions.length === 0;
  const page = await api(`${path}/history`);
  byId('history').replaceChildren(...page.sessions.map(row));
  offerOlder(page.next);
}

function end(device) {
  return attempt(async () => {
    await api(`${path}/sessions/${device.handle}`, { method: 'DELETE' });
    await changed(`${device.name} is signed out.`);
  });
}

endAll.addEventListener('click', () =>
  attempt(async () => {
    await api(`${path}/sessions`, { method: 'DELETE' });
    await changed('Signed out everywhere.');
  }),
);

async function changed(text) {
  await refresh();
  say(text, 'success');
  byId('main').focus();
  setTimeout(() => void attempt(refresh), RECORDING_TAKES);
}

older.addEventListener('click', () =>
  attempt(async () => {
    const after = encodeURIComponent(older.dataset.after);
    const page = await api(`${path}/history?after=${after}`);
    byId('history').append(...page.sessions.map(row));
    offerOlder(page.next);
  }),
);

function offerOlder(next) {
  older.hidden = next === null;
  older.dataset.after = next ?? '';
}

function row(session) {
  return el(
    'tr',
    {},
    el('td', {}, fullTime(session.createdAt)),
    el('td', {}, session.endedAt ? fullTime(session.endedAt) : 'still open'),
    el('td', {}, session.endReason ?? ''),
    el('td', {}, session.endedBy ? `user ${session.endedBy}` : ''),
    el('td', {}, session.name),
    el('td', { class: 'extra' }, session.address ?? ''),
  );
}

await attempt(async () => {
  await frame();
  const user = await api(path);
  byId('user-title').textContent = user.name;
  document.title = `${user.name} · Session ledger demo`;
  await refresh();
});
