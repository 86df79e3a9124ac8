import { api } from './api.js';
import { attempt, byId, el, showMessage } from './dom.js';

const REASONS = {
  'signed-out': 'You are signed out. Sign in to continue.',
  'not-fresh': 'This action requires a recent sign-in. Sign in again to continue.',
};

const form = byId('sign-in');
const { email, password } = form.elements;
const query = new URLSearchParams(location.search);

async function signIn(credentials) {
  const me = await api('/sign-in', { method: 'POST', body: credentials });
  location.assign(destination() ?? (me.role === 'admin' ? '/admin' : '/account'));
}

/** The page to return to. Anyone can write a link with a `to`, so only our own origin counts. */
function destination() {
  const to = query.get('to');
  if (!to || !URL.canParse(to, location.origin)) return null;
  const url = new URL(to, location.origin);
  return url.origin === location.origin ? url.pathname + url.search : null;
}

/** Disables a button while an action runs, so that a double click doesn't sign in twice. */
async function runOnce(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    showMessage(error.message, 'error');
    password.select();
  } finally {
    button.disabled = false;
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  return runOnce(form.querySelector('button'), () =>
    signIn({ email: email.value.trim(), password: password.value }),
  );
});

/** The server lists the demo accounts only if they and their data belong to the demo. */
async function showDemoAccounts() {
  const accounts = await api('/demo-accounts');
  byId('accounts').replaceChildren(...accounts.map(accountItem));
  byId('demo-accounts').hidden = accounts.length === 0;
  byId('no-demo-accounts').hidden = accounts.length > 0;
}

function accountItem(account) {
  return el(
    'li',
    {},
    el(
      'button',
      { type: 'button', click: ({ currentTarget }) => signInAs(account, currentTarget) },
      `Sign in as ${account.name}`,
    ),
    el('p', { class: 'quiet' }, `${account.email} · `, el('code', {}, account.password)),
  );
}

function signInAs(account, button) {
  return runOnce(button, async () => {
    try {
      await signIn({ email: account.email, password: account.password });
    } catch (error) {
      if (error.status !== 401) throw error;
      // The account page can change the password, and then the server only has its hash.
      email.value = account.email;
      const message = `The password of ${account.name} was changed. Enter the new one.`;
      throw new Error(message, { cause: error });
    }
  });
}

showMessage(REASONS[query.get('why')] ?? '');
email.focus();
await attempt(showDemoAccounts);
