import { describe, expect, test } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { HttpClient } from './http-client.js';
import { ADA, ADMIN, GRACE, useDemo } from './use-demo.js';

const demo = useDemo();

function client(): HttpClient {
  return new HttpClient(() => demo.url);
}

async function signedIn(credentials: typeof ADA): Promise<HttpClient> {
  const signing = client();
  const response = await signing.signIn(credentials);
  expect(response.status).toBe(200);
  return signing;
}

interface Device {
  handle: string;
  isCurrent: boolean;
}

interface Recorded {
  handle: string;
  endReason: string | null;
  endedBy: string | null;
}

describe('Signing in', () => {
  test('gives the session by cookie alone', async () => {
    const response = await client().signIn(ADA);
    expect(await response.json()).toEqual({
      id: 1,
      email: ADA.email,
      name: 'Ada',
      role: 'user',
    });
    expect(response.headers.get('set-cookie')).toMatch(
      /^session=[\w-]{45}; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('doesn’t tell who has an account', async () => {
    const [known, unknown] = [
      await client().signIn({ ...GRACE, password: 'wrong' }),
      await client().signIn({ email: 'nobody@example.com', password: 'wrong' }),
    ];
    expect([known.status, unknown.status]).toEqual([401, 401]);
    expect(await known.json()).toEqual(await unknown.json());
    // The password of nobody opens nothing.
    const empty = await client().signIn({ email: 'nobody@example.com', password: '' });
    expect(empty.status).toBe(401);
  });

  test('refuses what is no sign-in', async () => {
    for (const body of [{}, { email: 'ada', password: 'x' }, { ...ADA, admin: true }, [ADA]]) {
      const response = await client().send('POST', '/sign-in', body);
      expect(response.status).toBe(400);
    }
  });

  test('refuses pages of other sites', async () => {
    const elsewhere = { 'sec-fetch-site': 'cross-site' };
    const response = await client().send('POST', '/sign-in', ADA, elsewhere);
    expect(response.status).toBe(403);
  });

  test('lets nobody guess on', async () => {
    const guessed = { email: 'guessed@example.com', password: 'wrong' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => client().signIn(guessed)));
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(200);
    expect(await refused.json()).toMatchObject({
      message: 'Too many attempts. Try again in 5 min.',
    });
    await signedIn(ADA); // others can
  });
});

describe('Your devices', () => {
  test('can be ended one by one, and all but this one', async () => {
    const [here, there, third] = [
      await signedIn(GRACE),
      await signedIn(GRACE),
      await signedIn(GRACE),
    ];
    const [{ handle }] = (await there.read('/devices')).filter((one: Device) => one.isCurrent);
    const ended = await here.send('DELETE', `/devices/${handle}`);
    expect(ended.status).toBe(204);
    const after = await there.send('GET', '/me');
    expect(after.status).toBe(401);

    await here.send('DELETE', '/devices');
    const thirdAfter = await third.send('GET', '/me');
    expect(thirdAfter.status).toBe(401);
    expect(await here.read('/devices')).toMatchObject([{ isCurrent: true }]);
  });

  test('are nobody else’s to end', async () => {
    const [ada, grace] = [await signedIn(ADA), await signedIn(GRACE)];
    const [{ handle }] = await grace.read('/devices');
    const response = await ada.send('DELETE', `/devices/${handle}`);
    expect(response.status).toBe(404);
    const graceAfter = await grace.send('GET', '/me');
    expect(graceAfter.status).toBe(200);
  });

  test('are no other site’s to end', async () => {
    const ada = await signedIn(ADA);
    const elsewhere = { 'sec-fetch-site': 'cross-site' };
    const response = await ada.send('DELETE', '/devices', undefined, elsewhere);
    expect(response.status).toBe(403);
  });
});

describe('A change of password', () => {
  test('asks for the old one, and for a long new one', async () => {
    const ada = await signedIn(ADA);
    const short = await ada.send('POST', '/me/password', { current: ADA.password, next: 'short' });
    expect(short.status).toBe(400);
    expect(await short.json()).toMatchObject({
      message: ['A password has at least 15 characters.'],
    });
    const wrong = { current: 'wrong', next: 'notes by the translator' };
    const refused = await ada.send('POST', '/me/password', wrong);
    expect(refused.status).toBe(401);
  });

  test('ends all other sessions and gives this one a new ID', async () => {
    const [here, there] = [await signedIn(GRACE), await signedIn(GRACE)];
    const before = here.cookie;
    const next = { current: GRACE.password, next: 'nanoseconds of wire' };
    const changed = await here.send('POST', '/me/password', next);
    expect(changed.status).toBe(204);
    expect(here.cookie).not.toBe(before);

    const old = client();
    old.cookie = before;
    const answers = [await here.read('/me'), await there.read('/me'), await old.read('/me')];
    expect(answers).toMatchObject([{ name: 'Grace' }, { statusCode: 401 }, { statusCode: 401 }]);
    const again = await client().signIn(GRACE);
    expect(again.status).toBe(401);

    const admin = await signedIn(ADMIN);
    await eventually(async () => {
      const { sessions } = await admin.read('/admin/users/2/history');
      const reasons = sessions.map(({ endReason }: Recorded) => endReason);
      expect(reasons).toEqual(expect.arrayContaining(['password-changed', 'rotated']));
    });
  });
});

describe('Administration', () => {
  test('is for administrators', async () => {
    const ada = await signedIn(ADA);
    for (const path of ['/admin/users', '/admin/users/2/sessions', '/admin/ledger/live']) {
      const [asAda, asNobody] = [await ada.send('GET', path), await client().send('GET', path)];
      expect([asAda.status, asNobody.status]).toEqual([403, 401]);
    }
    const verify = await ada.send('POST', '/admin/ledger/verify');
    expect(verify.status).toBe(403);
  });

  test('ends sessions, and the ledger says who did', async () => {
    const [ada, admin] = [await signedIn(ADA), await signedIn(ADMIN)];
    const [{ handle }] = await ada.read('/devices');
    const ended = await admin.send('DELETE', `/admin/users/1/sessions/${handle}`);
    expect(ended.status).toBe(204);
    const me = await ada.send('GET', '/me');
    expect(me.status).toBe(401);
    await eventually(async () => {
      const { sessions } = await admin.read('/admin/users/1/history');
      const recorded = sessions.find((session: Recorded) => session.handle === handle);
      expect(recorded).toMatchObject({ endReason: 'ended-by-admin', endedBy: '3' });
    });
  });

  test('answers in the terms of HTTP', async () => {
    const admin = await signedIn(ADMIN);
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
    const notTheirs = await admin.send('DELETE', `/admin/users/1/sessions/${handle}`);
    expect(notTheirs.status).toBe(404);
  });

  test('shows the ledger for as long as the session lives', async () => {
    const admin = await signedIn(ADMIN);
    const stream = await admin.send('GET', '/admin/ledger/live');
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    const { cookie } = admin;
    let said = '';
    const ended = (async () => {
      for await (const chunk of stream.body!) said += Buffer.from(chunk).toString();
    })();
    await eventually(async () => {
      for (const type of ['entries', 'figures', 'chain']) expect(said).toContain(`event: ${type}`);
    });
    await admin.send('POST', '/sign-out');
    expect(admin.cookie).not.toBe(cookie);
    await ended; // by the server
  });

  test('verifies the chain', async () => {
    const admin = await signedIn(ADMIN);
    const response = await admin.send('POST', '/admin/ledger/verify');
    expect(await response.json()).toMatchObject({ isWhole: true, breaks: [] });
  });
});

describe('The application', () => {
  test('tells how it is', async () => {
    const health = await client().read('/health');
    expect(health).toMatchObject({ status: 'ok', details: { sessions: { redis: 'up' } } });
    const metrics = await client().send('GET', '/metrics');
    const text = await metrics.text();
    expect(text).toContain('nest_session_ledger_backlog_events{module="default"} 0');
    expect(text).toContain('nest_session_operation_seconds_count');
  });

  test('describes its API', async () => {
    const { paths } = await client().read('/api-json');
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/sign-in', '/devices/{handle}', '/admin/users/{id}/history']),
    );
  });

  test.each(['/', '/account', '/admin', '/user'])(
    'serves %s under a strict policy',
    async (path) => {
      const page = await client().send('GET', path);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-security-policy')).toContain(
        "default-src 'none';script-src 'self';style-src 'self'",
      );
      const html = await page.text();
      expect(html).not.toMatch(/<style|<script(?! type="module" src)|\son\w+=|\sstyle=/);
    },
  );
});
