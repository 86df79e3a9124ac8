import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import type { Browser, Page } from 'playwright-core';

import { eventually } from '../../support/eventually.js';
import { launchChromium } from './chromium.js';
import { expectAccessible, expectToFit, openPage, type WatchedPage } from './looked-at-page.js';
import { minutesOfLife } from './minutes-of-life.js';
import { ADA, ADMIN, GRACE, useDemo } from './use-demo.js';

const DESKTOP = { viewport: { width: 1200, height: 800 } };
const PHONE = {
  viewport: { width: 390, height: 844 },
  userAgent:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
};

/** The pictures in the docs are made anew on demand only, as each run's differ by a clock. */
const FOR_DOCS = Boolean(process.env.UPDATE_SCREENSHOTS);
const IN_DOCS = ['devices', 'ledger'];

const demo = useDemo();
let browser: Browser;
const opened: WatchedPage[] = [];

async function open(options = {}): Promise<WatchedPage> {
  const watched = await openPage(browser, demo.url, options);
  opened.push(watched);
  return watched;
}

async function signIn(page: Page, { email, password }: typeof ADA): Promise<void> {
  await page.goto('/');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/(account|admin)$/);
}

beforeAll(async () => {
  browser = await launchChromium();
}, 600_000);

afterAll(async () => {
  await browser?.close();
});

afterEach(async () => {
  const all = opened.splice(0);
  await Promise.all(all.map(({ page }) => page.context().close()));
  // No error, no violation of the Content-Security-Policy.
  expect(all.flatMap(({ complaints }) => complaints)).toEqual([]);
});

/** What the browser itself says of an answer that was expected. */
function expectRefusal({ complaints }: WatchedPage, status: number): void {
  const expected = complaints.filter((text) => text.includes(`status of ${status}`));
  expect(expected).toHaveLength(1);
  complaints.splice(complaints.indexOf(expected[0]!), 1);
}

describe('The demo in a browser', () => {
  test('signs in by keyboard alone, and says where the user is signed in', async () => {
    const { page } = await open(DESKTOP);
    await page.goto('/');
    await page.keyboard.type(ADA.email); // the field has the focus
    await page.keyboard.press('Tab');
    await page.keyboard.type(ADA.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Chrome on Linux This device' }).waitFor();
    await page.getByText('127.0.0.1 · last used just now · signed in just now').waitFor();
    await page.getByRole('button', { name: 'Sign out', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('refuses a wrong password in words', async () => {
    const watched = await open(DESKTOP);
    const { page } = watched;
    await page.goto('/');
    await page.getByLabel('E-mail address').fill(ADA.email);
    await page.getByLabel('Password').fill('not this one');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The e-mail address or the password is wrong.').waitFor();
    expectRefusal(watched, 401);
  });

  test('shows how one device ends another, and how the ledger hears of it', async () => {
    const [laptop, phone, admin] = [await open(DESKTOP), await open(PHONE), await open(DESKTOP)];
    await signIn(admin.page, ADMIN);
    const entries = admin.page.locator('#entries tr');
    await entries.filter({ hasText: 'Admin' }).first().waitFor();
    const before = await entries.filter({ hasText: 'Grace' }).count();
    expect(before).toBe(0);

    await signIn(laptop.page, GRACE);
    await signIn(phone.page, GRACE);
    // Nobody reloads the admin's page.
    await expectCount(entries.filter({ hasText: /began\s*Grace/ }), 2);

    await laptop.page.reload();
    const phoneItem = laptop.page.locator('li.device', { hasText: 'Safari on iPhone' });
    await phoneItem.getByRole('button').click();
    await laptop.page.getByText('Safari on iPhone is signed out.').waitFor();
    await expectCount(phoneItem, 0);
    await expectCount(entries.filter({ hasText: /ended\s*Grace\s*revoked\s*Grace/ }), 1);

    // The phone learns of it at its next use.
    await phone.page.getByRole('link', { name: 'Your devices' }).click();
    await phone.page.getByText('You were signed out. Sign in to go on.').waitFor();
    expectRefusal(phone, 401);

    const sessions = admin.page.locator('#sessions');
    await expectText(sessions, '2');
    await admin.page.locator('#chart rect.sign-ins').first().waitFor();
    await expectText(admin.page.locator('#chain'), 'Whole');
  });

  test('goes back to the page that was asked for, and to no other site', async () => {
    const watched = await open(DESKTOP);
    const { page } = watched;
    await page.goto('/user?id=1');
    await page.getByText('You were signed out. Sign in to go on.').waitFor();
    expectRefusal(watched, 401);
    await page.getByLabel('E-mail address').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Ada', exact: true }).waitFor();

    await page.goto('/?to=//example.org/account');
    await page.getByLabel('E-mail address').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${demo.url}/admin`);
  });

  test('changes a password, and all others are out', async () => {
    const [laptop, phone] = [await open(DESKTOP), await open(PHONE)];
    const next = 'notes by the translator';
    await signIn(laptop.page, ADA);
    await signIn(phone.page, ADA);
    await laptop.page.getByLabel('Current password').fill(ADA.password);
    await laptop.page.getByLabel('New password').fill(next);
    await laptop.page.getByRole('button', { name: 'Change password' }).click();
    await laptop.page.getByText('Your password is changed').waitFor();
    await expectCount(laptop.page.locator('li.device'), 1);

    await phone.page.reload();
    await phone.page.getByText('You were signed out').waitFor();
    expectRefusal(phone, 401);
    await signIn(phone.page, { ...ADA, password: next });
    await phone.page.getByLabel('Current password').fill(next);
    await phone.page.getByLabel('New password').fill(ADA.password);
    await phone.page.getByRole('button', { name: 'Change password' }).click();
    await phone.page.getByText('Your password is changed').waitFor();
  });

  test('lets an administrator end a user’s sessions, by name', async () => {
    const [laptop, admin] = [await open(DESKTOP), await open(DESKTOP)];
    await signIn(laptop.page, ADA);
    await signIn(admin.page, ADMIN);
    await admin.page.getByRole('link', { name: 'Ada', exact: true }).click();
    await admin.page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await admin.page.getByText('Signed out everywhere.').waitFor();
    await admin.page.getByText('Signed in nowhere.').waitFor();
    await admin.page.locator('#history tr', { hasText: 'ended-by-admin' }).first().waitFor();
    await expectText(admin.page.locator('#history tr:first-child td:nth-child(4)'), 'user 3');
    await laptop.page.reload();
    await laptop.page.getByText('You were signed out').waitFor();
    expectRefusal(laptop, 401);
  });

  test('is no administrator’s view for others', async () => {
    const watched = await open(DESKTOP);
    await signIn(watched.page, ADA);
    expect(await watched.page.getByRole('link', { name: 'Ledger' }).isVisible()).toBe(false);
    await watched.page.goto('/admin');
    await watched.page.getByText('This is for administrators.').waitFor();
    expectRefusal(watched, 403);
  });

  test('shows its API', async () => {
    const { page } = await open(DESKTOP);
    await page.goto('/api');
    await page.getByText('Where you are signed in.').waitFor();
  });
});

if (FOR_DOCS) {
  test('There is some life for the pictures', () => minutesOfLife(() => demo.url), 900_000);
}

describe.each([
  ['desktop', DESKTOP],
  ['phone', PHONE],
])('The pages on a %s', (size, viewport) => {
  test.each(['light', 'dark'] as const)('fit and are accessible, %s', async (colorScheme) => {
    const [{ page }, other] = [await open({ ...viewport, colorScheme }), await open(PHONE)];
    const look = async (name: string) => {
      await expectToFit(page);
      const folder = FOR_DOCS && IN_DOCS.includes(name) ? 'docs/images' : 'build/screenshots';
      const path = join(folder, `${name}-${size}-${colorScheme}.png`);
      await page.screenshot({ path, animations: 'disabled' });
      await expectAccessible(page);
    };
    await page.goto('/');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await look('sign-in');

    await signIn(other.page, ADA);
    await signIn(page, ADA);
    await page.locator('li.device').nth(1).waitFor();
    await look('devices');

    await signIn(page, ADMIN);
    await page.locator('#chart rect.sign-ins').first().waitFor();
    await page.getByText('Whole').waitFor();
    await page.getByText('verified just now').waitFor(); // and not what the last viewer saw
    await page.locator('#entries tr').first().waitFor();
    await look('ledger');

    await page.getByRole('link', { name: 'Ada', exact: true }).click();
    await page.locator('li.device').first().waitFor();
    await page.locator('#history tr').first().waitFor();
    await look('user');
  });
});

describe('The live ledger', () => {
  test('says where it was tampered with', async () => {
    const { page } = await open(DESKTOP);
    await signIn(page, ADMIN);
    await expectText(page.locator('#chain'), 'Whole');
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
    await page.getByText(/broken at \d+·\d+ \(hash\)/).waitFor();
    await expectAccessible(page);
  });
});

type Locator = ReturnType<Page['locator']>;

async function expectCount(locator: Locator, count: number): Promise<void> {
  await eventually(async () => expect(await locator.count()).toBe(count));
}

async function expectText(locator: Locator, text: string): Promise<void> {
  await eventually(async () => expect(await locator.textContent()).toBe(text));
}
