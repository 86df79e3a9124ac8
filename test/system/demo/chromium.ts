import { execFileSync } from 'node:child_process';

import { chromium, type Browser } from 'playwright-core';

import { onPath } from '../../../dev/on-path.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Lets it run as root, and stops requests to its vendor. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the system's Chromium with an empty profile. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), headless: true, args: FLAGS });
}

function findChromium(): string {
  return installedChromium() ?? install();
}

function installedChromium(): string | undefined {
  return NAMES.map(onPath).find((file) => file !== undefined);
}

/** Only as root on Debian or Ubuntu, for example in a container. */
function install(): string {
  if (!onPath('apt-get') || process.getuid?.() !== 0) {
    throw new Error('These tests require Chromium or Google Chrome on PATH.');
  }
  process.stderr.write('Found no Chromium on PATH. Installing the chromium package.\n');
  apt('update');
  apt('install', '--yes', '--no-install-recommends', 'chromium');
  const file = installedChromium();
  if (!file) throw new Error('Installed the chromium package, but found no chromium on PATH.');
  return file;
}

function apt(...args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
}
