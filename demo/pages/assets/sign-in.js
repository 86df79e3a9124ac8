import { api } from './api.js';
import { byId, say } from './dom.js';

const WHY = {
  ended: 'You were signed out. Sign in to go on.',
  again: 'Your sign-in is too long ago for this. Sign in again.',
};

const form = byId('sign-in');
const asked = new URLSearchParams(location.search);
say(WHY[asked.get('why')] ?? '');
form.elements.email.focus();

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const { email, password } = form.elements;
    const me = await api('/sign-in', {
      method: 'POST',
      body: { email: email.value.trim(), password: password.value },
    });
    location.assign(destination() ?? (me.role === 'admin' ? '/admin' : '/account'));
  } catch (error) {
    say(error.message, 'error');
    form.elements.password.select();
  } finally {
    button.disabled = false;
  }
});

/** Where the user came from, if that was a page of ours: links to here can be made by anybody. */
function destination() {
  const to = asked.get('to');
  if (!to || !URL.canParse(to, location.origin)) return null;
  const url = new URL(to, location.origin);
  return url.origin === location.origin ? url.pathname + url.search : null;
}
