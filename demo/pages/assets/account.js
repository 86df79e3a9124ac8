import { api } from './api.js';
import { showDevices } from './device-list.js';
import { attempt, byId, showMessage } from './dom.js';
import { setUpHeader } from './header.js';

const signOutOthers = byId('sign-out-others');
const form = byId('password');

async function refresh() {
  const devices = await api('/devices');
  showDevices(byId('devices'), devices, signOut);
  signOutOthers.disabled = devices.length < 2;
}

function signOut(device) {
  return attempt(async () => {
    await api(`/devices/${device.handle}`, { method: 'DELETE' });
    await refresh();
    showMessage(`${device.name} was signed out.`, 'success');
    // The focused button no longer exists.
    byId('main').focus();
  });
}

signOutOthers.addEventListener('click', () =>
  attempt(async () => {
    await api('/devices', { method: 'DELETE' });
    await refresh();
    showMessage('All other devices were signed out.', 'success');
    byId('main').focus();
  }),
);

form.addEventListener('submit', (event) => {
  event.preventDefault();
  return attempt(async () => {
    const { current, next } = form.elements;
    await api('/me/password', {
      method: 'POST',
      body: { current: current.value, next: next.value },
    });
    form.reset();
    await refresh();
    showMessage('Password changed. All other devices were signed out.', 'success');
  });
});

// Refreshes when the user returns to the page, but not on a timer: each request counts as use of
// the session, so a forgotten window would stay signed in forever.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void attempt(refresh);
});

await attempt(async () => {
  const me = await setUpHeader();
  form.elements.email.value = me.email;
  await refresh();
});
