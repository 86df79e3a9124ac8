import { describe, expect, test } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { HttpClient } from './http-client.js';
import { ADA, ADMIN, GRACE, useDemo } from './use-demo.js';

const demo = useDemo();

const CROSS_SITE = { 'sec-fetch-site': 'cross-site' };

function newClient(): HttpClient {
  return new HttpClient(() => demo.url);
}

async function signIn(credentials: typeof ADA): Promise<HttpClient> {
  const client = newClient();
  const response = await client.signIn(credentials);
  expect(response.status).toBe(200);
  return client;
}

interface Device {
  handle: string;
  isCurrent: boolean;
}

interface RecordedDevice {
  handle: string;
  endReason: string | null;
  endedBy: string | null;
}

describe('Sign-in', () => {
  test('returns the profile, and the session ID only in the cookie', async () => {
    const response = await newClient().signIn(ADA);
    expect(await response.json()).toEqual({
      id: 1,
      email: ADA.email,
      name: 'Ada',
      role: 'user',
    });
    expect(response.headers.get('set-cookie')).toMatch(
      /^session=sid_[\w-]{45}; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('does not reveal who has an account', async () => {
    const [known, unknown] = [
      await newClient().signIn({ ...GRACE, password: 'wrong' }),
      await newClient().signIn({ email: 'unknown@example.com', password: 'wrong' }),
    ];
    expect([known.status, unknown.status]).toEqual([401, 401]);
    expect(await known.json()).toEqual(await unknown.json());
    // Unknown users are checked against the hash of the empty password, which must not match.
    const empty = await newClient().signIn({ email: 'unknown@example.com', password: '' });
    expect(empty.status).toBe(401);
  });

  test('responds with 400 to malformed bodies', async () => {
    for (const body of [{}, { email: 'ada', password: 'x' }, { ...ADA, admin: true }, [ADA]]) {
      const response = await newClient().send('POST', '/sign-in', body);
      expect(response.status).toBe(400);
    }
  });

  test('rejects requests from pages of other sites', async () => {
    const response = await newClient().send('POST', '/sign-in', ADA, CROSS_SITE);
    expect(response.status).toBe(403);
  });

  test('limits concurrent guesses for one account, and leaves other accounts alone', async () => {
    const guess = { email: 'guessed@example.com', password: 'wrong' };
    const responses = await Promise.all(Array.from({ length: 8 }, () => newClient().signIn(guess)));
    const statuses = responses.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    const rejected = responses.find(({ status }) => status === 429)!;
    expect(Number(rejected.headers.get('retry-after'))).toBeGreaterThan(200);
    expect(await rejected.json()).toMatchObject({
      message: 'Too many attempts. Try again in 5 minutes.',
    });
    await signIn(ADA);
  });

  test('offers the demo accounts while the demo runs on its own servers', async () => {
    expect(await newClient().read('/demo-accounts')).toEqual([
      { ...ADA, name: 'Ada', role: 'user' },
      { ...GRACE, name: 'Grace', role: 'user' },
      { ...ADMIN, name: 'Admin', role: 'admin' },
    ]);
  });
});

describe('Your devices', () => {
  test('can be signed out one by one, or all except the current one', async () => {
    const [laptop, phone, tablet] = [await signIn(GRACE), await signIn(GRACE), await signIn(GRACE)];
    const devices: Device[] = await phone.read('/devices');
    const { handle } = devices.find(({ isCurrent }) => isCurrent)!;
    const ended = await laptop.send('DELETE', `/devices/${handle}`);
    expect(ended.status).toBe(204);
    const phoneAfter = await phone.send('GET', '/me');
    expect(phoneAfter.status).toBe(401);

    await laptop.send('DELETE', '/devices');
    const tabletAfter = await tablet.send('GET', '/me');
    expect(tabletAfter.status).toBe(401);
    expect(await laptop.read('/devices')).toMatchObject([{ isCurrent: true }]);
  });

  test('show when they were used and when they expire', async () => {
    const ada = await signIn(ADA);
    const devices = await ada.read('/devices');
    const { handle, ...device } = devices.find(({ isCurrent }: Device) => isCurrent);
    expect(handle).toMatch(/^[\w-]{45}$/);
    expect(Date.parse(device.idleExpiresAt) - Date.parse(device.lastUsedAt)).toBe(30 * 60_000);
    expect(device).toMatchObject({ address: '127.0.0.1', signedInAt: device.lastUsedAt });
  });

  test('can only be signed out by their own user', async () => {
    const [ada, grace] = [await signIn(ADA), await signIn(GRACE)];
    const [{ handle }] = await grace.read('/devices');
    const response = await ada.send('DELETE', `/devices/${handle}`);
    expect(response.status).toBe(404);
    const graceAfter = await grace.send('GET', '/me');
    expect(graceAfter.status).toBe(200);
  });

  test('cannot be signed out by a page of another site', async () => {
    const ada = await signIn(ADA);
    const response = await ada.send('DELETE', '/devices', undefined, CROSS_SITE);
    expect(response.status).toBe(403);
  });
});

describe('A password change', () => {
  test('requires the current password, and 15 characters for the new one', async () => {
    const ada = await signIn(ADA);
    const short = await ada.send('POST', '/me/password', { current: ADA.password, next: 'short' });
    expect(short.status).toBe(400);
    expect(await short.json()).toMatchObject({
      message: ['The new password must have at least 15 characters.'],
    });
    const body = { current: 'wrong', next: 'notes by the translator' };
    const wrong = await ada.send('POST', '/me/password', body);
    expect(wrong.status).toBe(401);
  });

  test('ends all other sessions and gives the current one a new ID', async () => {
    const [laptop, phone] = [await signIn(GRACE), await signIn(GRACE)];
    const oldCookie = laptop.cookie;
    const body = { current: GRACE.password, next: 'nanoseconds of wire' };
    const changed = await laptop.send('POST', '/me/password', body);
    expect(changed.status).toBe(204);
    expect(laptop.cookie).not.toBe(oldCookie);

    const old = newClient();
    old.cookie = oldCookie;
    const profiles = [await laptop.read('/me'), await phone.read('/me'), await old.read('/me')];
    expect(profiles).toMatchObject([{ name: 'Grace' }, { statusCode: 401 }, { statusCode: 401 }]);
    const oldPassword = await newClient().signIn(GRACE);
    expect(oldPassword.status).toBe(401);

    const admin = await signIn(ADMIN);
    await eventually(async () => {
      const { sessions } = await admin.read('/admin/users/2/history');
      const reasons = sessions.map(({ endReason }: RecordedDevice) => endReason);
      expect(reasons).toEqual(expect.arrayContaining(['password-changed', 'rotated']));
    });
  });
});

describe('Administration', () => {
  test('requires the session of an administrator', async () => {
    const ada = await signIn(ADA);
    for (const path of ['/admin/users', '/admin/users/2/sessions', '/admin/ledger/live']) {
      const [asAda, signedOut] = [await ada.send('GET', path), await newClient().send('GET', path)];
      expect([asAda.status, signedOut.status]).toEqual([403, 401]);
    }
    const verify = await ada.send('POST', '/admin/ledger/verify');
    expect(verify.status).toBe(403);
  });

  test('ends sessions and records the administrator in the ledger', async () => {
    const [ada, admin] = [await signIn(ADA), await signIn(ADMIN)];
    const [{ handle }] = await ada.read('/devices');
    const ended = await admin.send('DELETE', `/admin/users/1/sessions/${handle}`);
    expect(ended.status).toBe(204);
    const me = await ada.send('GET', '/me');
    expect(me.status).toBe(401);
    await eventually(async () => {
      const { sessions } = await admin.read('/admin/users/1/history');
      const recorded = sessions.find((session: RecordedDevice) => session.handle === handle);
      expect(recorded).toMatchObject({ endReason: 'ended-by-admin', endedBy: '3' });
    });
  });

  test('responds with 404 to unknown users and sessions, and with 400 to a wrong page', async () => {
    const admin = await signIn(ADMIN);
    for (const [path, status] of [
      ['/admin/users/99', 404],
      ['/admin/users/99999999999/sessions', 404],
      ['/admin/users/ada/history', 404],
      ['/admin/users/1/history?after=yesterday', 400],
    ] as const) {
      const response = await admin.send('GET', path);
      expect([path, response.status]).toEqual([path, status]);
    }
    const [{ handle }] = await admin.read('/devices');
    const otherUser = await admin.send('DELETE', `/admin/users/1/sessions/${handle}`);
    expect(otherUser.status).toBe(404);
  });

  test('streams the ledger until the session ends', async () => {
    const admin = await signIn(ADMIN);
    const stream = await admin.send('GET', '/admin/ledger/live');
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    const { cookie } = admin;
    let received = '';
    const closed = (async () => {
      for await (const chunk of stream.body!) received += Buffer.from(chunk).toString();
    })();
    await eventually(async () => {
      for (const type of ['entries', 'figures', 'chain']) {
        expect(received).toContain(`event: ${type}`);
      }
    });
    await admin.send('POST', '/sign-out');
    expect(admin.cookie).not.toBe(cookie);
    await closed; // by the server
  });

  test('verifies the hash chain', async () => {
    const admin = await signIn(ADMIN);
    const response = await admin.send('POST', '/admin/ledger/verify');
    expect(await response.json()).toMatchObject({ isValid: true, breaks: [] });
  });
});

describe('The application', () => {
  test('reports its health to everybody and its metrics to administrators', async () => {
    const health = await newClient().read('/health');
    expect(health).toMatchObject({ status: 'ok', details: { sessions: { redis: 'up' } } });
    expect((await newClient().send('GET', '/metrics')).status).toBe(401);
    expect((await (await signIn(ADA)).send('GET', '/metrics')).status).toBe(403);
    const metrics = await (await signIn(ADMIN)).send('GET', '/metrics');
    const text = await metrics.text();
    // The sign-ins may still wait to be recorded.
    expect(text).toMatch(/^nest_session_ledger_backlog_events\{module="default"\} \d/m);
    expect(text).toContain('nest_session_operation_seconds_count');
  });

  test('serves its OpenAPI document', async () => {
    const { paths } = await newClient().read('/api-json');
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/sign-in', '/devices/{handle}', '/admin/users/{id}/history']),
    );
  });

  test.each(['/', '/account', '/admin', '/user'])(
    'serves %s with a strict Content-Security-Policy',
    async (path) => {
      const page = await newClient().send('GET', path);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-security-policy')).toContain(
        "default-src 'none';script-src 'self';style-src 'self'",
      );
      const html = await page.text();
      expect(html).not.toMatch(/<style|<script(?! type="module" src)|\son\w+=|\sstyle=/);
    },
  );
});
