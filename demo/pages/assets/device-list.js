import { el } from './dom.js';
import { relativeTime } from './time.js';

/**
 * Lists devices, the current one first.
 *
 * @param {HTMLElement} list
 * @param {(device: { handle: string; name: string }) => void} onSignOut
 */
export function showDevices(list, devices, onSignOut) {
  const current = devices.filter((device) => device.isCurrent);
  const others = devices.filter((device) => !device.isCurrent);
  list.replaceChildren(...[...current, ...others].map((device) => item(device, onSignOut)));
  if (devices.length === 0)
    list.append(el('li', { class: 'quiet' }, 'Not signed in on any device.'));
}

function item(device, onSignOut) {
  return el(
    'li',
    { class: 'card device', 'data-handle': device.handle },
    el(
      'div',
      {},
      el(
        'h3',
        {},
        device.name,
        device.isCurrent ? el('span', { class: 'badge' }, 'This device') : null,
      ),
      el(
        'p',
        { class: 'quiet' },
        `${device.address ?? 'unknown address'} · last used `,
        relativeTime(device.lastUsedAt),
        ' · signed in ',
        relativeTime(device.signedInAt),
      ),
    ),
    device.isCurrent ? null : signOutButton(device, onSignOut),
  );
}

function signOutButton(device, onSignOut) {
  // Devices can have the same name, so the accessible name includes the address.
  const label = `Sign out ${device.name}, ${device.address ?? 'unknown address'}`;
  return el(
    'button',
    { type: 'button', 'aria-label': label, click: () => onSignOut(device) },
    'Sign out',
  );
}
