import { api } from './api.js';
import { showDevices } from './device-list.js';
import { byId, say } from './dom.js';
import { attempt, frame } from './frame.js';

const endOthers = byId('end-others');
const form = byId('password');

async function refresh() {
  const devices = await api('/devices');
  showDevices(byId('devices'), devices, end);
  endOthers.disabled = devices.length < 2;
}

function end(device) {
  return attempt(async () => {
    await api(`/devices/${device.handle}`, { method: 'DELETE' });
    await refresh();
    say(`${device.name} is signed out.`, 'success');
    // The button that had the focus is gone.
    byId('main').focus();
  });
}

endOthers.addEventListener('click', () =>
  attempt(async () => {
    await api('/devices', { method: 'DELETE' });
    await refresh();
    say('All other devices are signed out.', 'success');
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
    say('Your password is changed, and all other devices are signed out.', 'success');
  });
});

// Who comes back to this page wants to see what is now. Not by the clock: that would be a use,
// and a forgotten window would never be signed out.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void attempt(refresh);
});

await attempt(async () => {
  const me = await frame();
  form.elements.email.value = me.email;
  await refresh();
});
