import { api } from './api.js';
import { attempt, byId } from './dom.js';

/** Fills in the header of a signed-in page. Returns the current user. */
export async function setUpHeader() {
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
