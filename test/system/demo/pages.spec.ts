import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import type { Browser, Page } from 'playwright-core';

import { eventually } from '../../support/eventually.js';
import { launchChromium } from './chromium.js';
import { HttpClient } from './http-client.js';
import { createSampleActivity } from './sample-activity.js';
import { ADA, ADMIN, GRACE, useDemo } from './use-demo.js';
import { expectAccessible, expectToFit, openPage, type WatchedPage } from './watched-page.js';

const DESKTOP = { viewport: { width: 1200, height: 800 } };
const PHONE = {
  viewport: { width: 390, height: 844 },
  userAgent:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
};

/** Updating docs/images is optional, because the times in the screenshots differ in each run. */
const UPDATE_DOCS = Boolean(process.env.UPDATE_SCREENSHOTS);
const DOCS_PAGES = ['devices', 'ledger'];

const demo = useDemo();
let browser: Browser;
const openPages: WatchedPage[] = [];

async function open(options = {}): Promise<WatchedPage> {
  const watched = await openPage(browser, demo.url, options);
  openPages.push(watched);
  return watched;
}

async function signIn(page: Page, { email, password }: typeof ADA): Promise<void> {
  await page.goto('/');
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL(/\/(account|admin)$/);
}

beforeAll(async () => {
  browser = await launchChromium();
}, 600_000);

afterAll(async () => {
  await browser?.close();
});

afterEach(async () => {
  const all = openPages.splice(0);
  await Promise.all(all.map(({ page }) => page.context().close()));
  // For example, violations of the Content-Security-Policy.
  expect(all.flatMap(({ errors }) => errors)).toEqual([]);
});

/** Removes the error that the browser logs for an expected error response. */
function expectErrorResponse({ errors }: WatchedPage, status: number): void {
  const expected = errors.filter((text) => text.includes(`status of ${status}`));
  expect(expected).toHaveLength(1);
  errors.splice(errors.indexOf(expected[0]!), 1);
}

describe('The demo in a browser', () => {
  test('lets users sign in and out with the keyboard only, and lists their devices', async () => {
    const { page } = await open(DESKTOP);
    await page.goto('/');
    await page.keyboard.type(ADA.email); // the field is focused
    await page.keyboard.press('Tab');
    await page.keyboard.type(ADA.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Chrome on Linux This device' }).waitFor();
    await page.getByText('127.0.0.1 · last used just now · signed in just now').waitFor();
    await page.getByRole('button', { name: 'Sign out', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('shows an error message for a wrong password', async () => {
    const watched = await open(DESKTOP);
    const { page } = watched;
    await page.goto('/');
    await page.getByLabel('Email address').fill(ADA.email);
    await page.getByLabel('Password').fill('not this one');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('Wrong email address or password.').waitFor();
    expectErrorResponse(watched, 401);
  });

  test('signs out one device from another, and shows it in the ledger at once', async () => {
    const [laptop, phone, admin] = [await open(DESKTOP), await open(PHONE), await open(DESKTOP)];
    await signIn(admin.page, ADMIN);
    const entries = admin.page.locator('#entries tr');
    await entries.filter({ hasText: 'Admin' }).first().waitFor();
    const before = await entries.filter({ hasText: 'Grace' }).count();
    expect(before).toBe(0);

    await signIn(laptop.page, GRACE);
    await signIn(phone.page, GRACE);
    // The ledger updates without reloading the page.
    await expectCount(entries.filter({ hasText: /created\s*Grace/ }), 2);

    await laptop.page.reload();
    const phoneItem = laptop.page.locator('li.device', { hasText: 'Safari on iPhone' });
    await phoneItem.getByRole('button').click();
    await laptop.page.getByText('Safari on iPhone was signed out.').waitFor();
    await expectCount(phoneItem, 0);
    await expectCount(entries.filter({ hasText: /ended\s*Grace\s*revoked\s*Grace/ }), 1);

    // The phone is signed out at its next request.
    await phone.page.getByRole('link', { name: 'Your devices' }).click();
    await phone.page.getByText('You are signed out. Sign in to continue.').waitFor();
    expectErrorResponse(phone, 401);

    const sessions = admin.page.locator('#sessions');
    await expectText(sessions, '2');
    await admin.page.locator('#chart rect.sign-ins').first().waitFor();
    await expectText(admin.page.locator('#chain'), 'Valid');
  });

  test.each([
    ['Ada', '/account'],
    ['Admin', '/admin'],
  ])('signs in as %s with one click and opens %s', async (name, path) => {
    const { page } = await open(DESKTOP);
    await page.goto('/');
    await page.getByRole('button', { name: `Sign in as ${name}` }).click();
    await page.waitForURL(`${demo.url}${path}`);
    await page.locator('#who', { hasText: name }).waitFor();
  });

  test('returns to the requested page after sign-in, but never to another site', async () => {
    const watched = await open(DESKTOP);
    const { page } = watched;
    await page.goto('/user?id=1');
    await page.getByText('You are signed out. Sign in to continue.').waitFor();
    expectErrorResponse(watched, 401);
    await page.getByLabel('Email address').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Ada', exact: true }).waitFor();

    await page.goto('/?to=//example.org/account');
    await page.getByLabel('Email address').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${demo.url}/admin`);
  });

  test('signs out all other devices when the password changes', async () => {
    const [laptop, phone] = [await open(DESKTOP), await open(PHONE)];
    const next = 'notes by the translator';
    await signIn(laptop.page, ADA);
    await signIn(phone.page, ADA);
    await laptop.page.getByLabel('Current password').fill(ADA.password);
    await laptop.page.getByLabel('New password').fill(next);
    await laptop.page.getByRole('button', { name: 'Change password' }).click();
    await laptop.page.getByText('Password changed.').waitFor();
    await expectCount(laptop.page.locator('li.device'), 1);

    await phone.page.reload();
    await phone.page.getByText('You are signed out').waitFor();
    expectErrorResponse(phone, 401);
    await phone.page.getByRole('button', { name: 'Sign in as Ada' }).click();
    await phone.page.getByText('The password of Ada was changed. Enter the new one.').waitFor();
    expectErrorResponse(phone, 401);
    await phone.page.getByLabel('Password').fill(next);
    await phone.page.keyboard.press('Enter');
    await phone.page.waitForURL(/\/account$/);
    await phone.page.getByLabel('Current password').fill(next);
    await phone.page.getByLabel('New password').fill(ADA.password);
    await phone.page.getByRole('button', { name: 'Change password' }).click();
    await phone.page.getByText('Password changed.').waitFor();
  });

  test('records which administrator ended a user’s sessions', async () => {
    const [laptop, admin] = [await open(DESKTOP), await open(DESKTOP)];
    await signIn(laptop.page, ADA);
    await signIn(admin.page, ADMIN);
    await admin.page.getByRole('link', { name: 'Ada', exact: true }).click();
    await admin.page.getByRole('button', { name: 'Sign out of all devices' }).click();
    await admin.page.getByText('Signed out of all devices.').waitFor();
    await admin.page.getByText('Not signed in on any device.').waitFor();
    await admin.page.locator('#history tr', { hasText: 'ended-by-admin' }).first().waitFor();
    await expectText(admin.page.locator('#history tr:first-child td:nth-child(4)'), 'Admin');
    await laptop.page.reload();
    await laptop.page.getByText('You are signed out').waitFor();
    expectErrorResponse(laptop, 401);
  });

  test('does not show the ledger to other users', async () => {
    const watched = await open(DESKTOP);
    await signIn(watched.page, ADA);
    expect(await watched.page.getByRole('link', { name: 'Ledger' }).isVisible()).toBe(false);
    await watched.page.goto('/admin');
    await watched.page.getByText('Only administrators can do this.').waitFor();
    expectErrorResponse(watched, 403);
  });

  test('documents its API', async () => {
    const { page } = await open(DESKTOP);
    await page.goto('/api');
    await page.getByText('List the devices on which you are signed in').waitFor();
  });
});

if (UPDATE_DOCS) {
  test(
    'Sign-ins and sign-outs fill the chart',
    () => createSampleActivity(() => demo.url),
    900_000,
  );
}

describe.each([
  ['desktop', DESKTOP],
  ['phone', PHONE],
])('On a %s, the pages', (size, viewport) => {
  test.each(['light', 'dark'] as const)(
    'fit the window and are accessible in the %s color scheme',
    async (colorScheme) => {
      const [{ page }, other] = [await open({ ...viewport, colorScheme }), await open(PHONE)];
      const check = async (name: string) => {
        await expectToFit(page);
        const folder =
          UPDATE_DOCS && DOCS_PAGES.includes(name) ? 'docs/images' : 'build/screenshots';
        const path = join(folder, `${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path, animations: 'disabled' });
        await expectAccessible(page);
      };
      await page.goto('/');
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await page.getByRole('button', { name: 'Sign in as Admin' }).waitFor();
      await check('sign-in');

      await endSessionsOf(ADA);
      await signIn(other.page, ADA);
      await signIn(page, ADA);
      await expectCount(page.locator('li.device'), 2);
      await check('devices');

      await signIn(page, ADMIN);
      await page.locator('#chart rect.sign-ins').first().waitFor();
      await page.getByText('Valid').waitFor();
      await page.getByText('verified just now').waitFor(); // not the result of an earlier verification
      await page.locator('#entries tr').first().waitFor();
      await check('ledger');

      await page.getByRole('link', { name: 'Ada', exact: true }).click();
      await page.locator('li.device').first().waitFor();
      await page.locator('#history tr').first().waitFor();
      await check('user');
    },
  );
});

describe('The live ledger', () => {
  test('shows which row was tampered with', async () => {
    const { page } = await open(DESKTOP);
    await signIn(page, ADMIN);
    await expectText(page.locator('#chain'), 'Valid');
    const client = new Client({ connectionString: demo.databaseUrl });
    await client.connect();
    try {
      await client.query('ALTER TABLE session_events DISABLE TRIGGER session_events_append_only');
      const { rowCount } = await client.query(
        `UPDATE session_events SET reason = 'expired' WHERE reason = 'revoked'`,
      );
      expect(rowCount).toBeGreaterThan(0);
    } finally {
      await client.end();
    }
    await page.getByRole('button', { name: 'Verify now' }).click();
    await expectText(page.locator('#chain'), 'Broken');
    await page.getByText(/Broken at row \d+·\d+ \(hash\)/).waitFor();
    await expectAccessible(page);
  });
});

async function endSessionsOf(credentials: typeof ADA): Promise<void> {
  const client = new HttpClient(() => demo.url);
  await client.signIn(credentials);
  await client.send('DELETE', '/devices');
  await client.send('POST', '/sign-out');
}

type Locator = ReturnType<Page['locator']>;

async function expectCount(locator: Locator, count: number): Promise<void> {
  await eventually(async () => expect(await locator.count()).toBe(count));
}

async function expectText(locator: Locator, text: string): Promise<void> {
  await eventually(async () => expect(await locator.textContent()).toBe(text));
}
