import { api } from './api.js';
import { byId, say } from './dom.js';

/** The bar above all pages of somebody who is signed in. Resolves to who it is. */
export async function frame() {
  byId('sign-out').addEventListener('click', () =>
    attempt(async () => {
      await api('/sign-out', { method: 'POST' });
      location.assign('/');
    }),
  );
  const me = await api('/me');
  byId('who').textContent = me.name;
  byId('admin-link').hidden = me.role !== 'admin';
  return me;
}

/** Does something, and says what went wrong where it did. */
export async function attempt(act) {
  try {
    await act();
  } catch (error) {
    say(error.message, 'error');
  }
}
