import { api } from './api.js';
import { showDevices } from './device-list.js';
import { attempt, byId, el, showMessage } from './dom.js';
import { setUpHeader } from './header.js';
import { fullTime } from './time.js';

const path = `/admin/users/${Number(new URLSearchParams(location.search).get('id'))}`;
const signOutAll = byId('sign-out-all');
const older = byId('older');
const userNames = new Map();

/** Time until an event has normally reached the ledger (ms). */
const RECORDING_DELAY = 1_000;

async function refresh() {
  const sessions = await api(`${path}/sessions`);
  showDevices(byId('devices'), sessions, signOut);
  signOutAll.disabled = sessions.length === 0;
  const page = await api(`${path}/history`);
  byId('history').replaceChildren(...page.sessions.map(row));
  showOlderButton(page.next);
}

function signOut(device) {
  return attempt(async () => {
    await api(`${path}/sessions/${device.handle}`, { method: 'DELETE' });
    await refreshAfter(`${device.name} was signed out.`);
  });
}

signOutAll.addEventListener('click', () =>
  attempt(async () => {
    await api(`${path}/sessions`, { method: 'DELETE' });
    await refreshAfter('Signed out of all devices.');
  }),
);

async function refreshAfter(message) {
  await refresh();
  showMessage(message, 'success');
  byId('main').focus();
  setTimeout(() => void attempt(refresh), RECORDING_DELAY);
}

older.addEventListener('click', () =>
  attempt(async () => {
    const after = encodeURIComponent(older.dataset.after);
    const page = await api(`${path}/history?after=${after}`);
    byId('history').append(...page.sessions.map(row));
    showOlderButton(page.next);
  }),
);

function showOlderButton(next) {
  older.hidden = next === null;
  older.dataset.after = next ?? '';
}

function row(session) {
  return el(
    'tr',
    {},
    el('td', {}, fullTime(session.createdAt)),
    el('td', {}, session.endedAt ? fullTime(session.endedAt) : 'active'),
    el('td', {}, session.endReason ?? ''),
    el('td', {}, userNames.get(session.endedBy) ?? session.endedBy ?? ''),
    el('td', {}, session.name),
    el('td', { class: 'extra' }, session.address ?? ''),
  );
}

await attempt(async () => {
  await setUpHeader();
  const user = await api(path);
  for (const { id, name } of await api('/admin/users')) userNames.set(String(id), name);
  byId('user-title').textContent = user.name;
  document.title = `${user.name} · Session ledger demo`;
  await refresh();
});
