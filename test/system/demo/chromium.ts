import { execFileSync } from 'node:child_process';

import { chromium, type Browser } from 'playwright-core';

import { onPath } from '../../../dev/on-path.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Those without which it doesn't run as root, and those that keep it from calling home. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The system's own Chromium, in a new and empty profile. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), headless: true, args: FLAGS });
}

function findChromium(): string {
  return found() ?? install();
}

function found(): string | undefined {
  return NAMES.map(onPath).find((file) => file !== undefined);
}

/** On a bare Debian or Ubuntu, as in a container; anybody else's system is theirs. */
function install(): string {
  if (!onPath('apt-get') || process.getuid?.() !== 0) {
    throw new Error('These tests need Chromium or Google Chrome on PATH.');
  }
  process.stderr.write('No Chromium on PATH: installing the system’s chromium package\n');
  apt('update');
  apt('install', '--yes', '--no-install-recommends', 'chromium');
  const file = found();
  if (!file)
    throw new Error('The chromium package was installed, but there is no chromium on PATH.');
  return file;
}

function apt(...args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
}
