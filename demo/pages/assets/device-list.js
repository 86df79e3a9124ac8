import { el } from './dom.js';
import { ago } from './time.js';

/**
 * Shows devices, the one in use first.
 *
 * @param {HTMLElement} list
 * @param {(device: { handle: string; name: string }) => void} onEnd
 */
export function showDevices(list, devices, onEnd) {
  const current = devices.filter((device) => device.isCurrent);
  const others = devices.filter((device) => !device.isCurrent);
  list.replaceChildren(...[...current, ...others].map((device) => item(device, onEnd)));
  if (devices.length === 0) list.append(el('li', { class: 'quiet' }, 'Signed in nowhere.'));
}

function item(device, onEnd) {
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
        ago(device.lastUsedAt),
        ' · signed in ',
        ago(device.signedInAt),
      ),
    ),
    device.isCurrent ? null : endButton(device, onEnd),
  );
}

function endButton(device, onEnd) {
  // Several devices can have the same name; a button's own name should still tell what it ends.
  const label = `Sign out ${device.name}, ${device.address ?? 'unknown address'}`;
  return el(
    'button',
    { type: 'button', 'aria-label': label, click: () => onEnd(device) },
    'Sign out',
  );
}
