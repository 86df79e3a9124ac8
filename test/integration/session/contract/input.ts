import { describe, expect, test } from '@jest/globals';

import { HOUR, sweepAll } from '../../../support/application.js';
import { dumpKeys } from '../../../support/key-dump.js';
import { letTimePass } from '../../../support/move-time.js';
import { readOutbox } from '../../../support/outbox.js';
import type { Ground } from '../../../support/use-redis.js';

export function input(ground: Ground): void {
  describe('a user ID can be any Unicode of up to 255 characters', () => {
    const userIds = [
      'a',
      '{}',
      '}{',
      '{0}',
      '{0}:x',
      ':',
      'x',
      'o',
      '*',
      '[a-z]?\\',
      'ada:1763920000000:bob',
      ' leading and trailing ',
      '👩‍👩‍👧‍👦',
      'ядро 你好 שלום',
      'e\u0301',
      '\u00e9',
      '\u202eevil\u200b',
      '__proto__',
      '-1',
      '%s %d',
      "'; DROP TABLE sessions; --",
      'x'.repeat(255),
      '😀'.repeat(127),
    ];

    test('each user has sessions of their own, found, listed, rotated and ended', async () => {
      const app = ground.open({ buckets: 2, maxSessionsPerUser: 5 });
      for (const userId of userIds) {
        const first = await app.service.createSession({ userId });
        const second = await app.service.rotateSession(first.id);
        await app.service.updateSessionData(second.id, { of: userId });
        expect(await app.service.validateSession(second.id)).toEqual({ id: userId });
      }
      for (const userId of userIds) {
        expect(await app.service.listUserSessions(userId)).toMatchObject([
          { userId, data: { of: userId } },
        ]);
      }
      for (const userId of userIds) {
        await app.service.invalidateAllUserSessions(userId);
        expect(await app.service.listUserSessions(userId)).toEqual([]);
      }
      const events = await readOutbox(app);
      expect(events).toHaveLength(4 * userIds.length);
      expect(new Set(events.map((event) => event.userId))).toEqual(new Set(userIds));
    });

    test('the sweep records the end of each', async () => {
      const app = ground.open({ buckets: 2 });
      for (const userId of userIds) await app.service.createSession({ userId, expires: HOUR });
      await letTimePass(app, 2 * HOUR);
      await sweepAll(app);
      const ended = (await readOutbox(app)).filter(({ event }) => event === 'destroyed');
      expect(ended.map(({ userId }) => userId).toSorted()).toEqual(userIds.toSorted());
    });

    test("none can reach beyond its bucket's keys", async () => {
      const app = ground.open({ buckets: 2 });
      for (const userId of userIds) await app.service.createSession({ userId });
      const keys = (await dumpKeys(ground.redis, `${app.prefix}:`)).map(({ key }) => key);
      const sets = keys.filter((key) => /^\w+:\{[01]\}:u:/.test(key));
      const rest = keys.filter((key) => !/^\w+:\{[01]\}:(u:.*|s:[\w-]{43}|x|o)$/s.test(key));
      expect(sets.map((key) => key.replace(/^\w+:\{[01]\}:u:/, '')).toSorted()).toEqual(
        userIds.toSorted(),
      );
      expect(rest).toEqual([]);
    });
  });

  describe('a user ID is refused, and nothing begins, if it', () => {
    test.each<[string, unknown]>([
      ['is empty', ''],
      ['has 256 characters', 'x'.repeat(256)],
      ['holds NUL', 'a\0b'],
      ['holds a line break', 'a\nb'],
      ['holds U+001F, which joins our fields', 'a\u001fb'],
      ['holds DEL', '\u007f'],
      ['holds a C1 control character', '\u0085'],
      ['holds a lone high surrogate', 'a\ud83d'],
      ['holds a lone low surrogate', '\ude00a'],
      ['is a number', 7],
      ['is missing', undefined],
      ['is null', null],
      ['is a list', ['ada']],
      ['is what JSON can make of it', { toString: 1 }],
      ['has no prototype', Object.create(null)],
    ])('%s', async (_, wrong) => {
      const app = ground.open();
      const userId = wrong as string;
      const refused = { code: 'ERR_SESSION_INPUT' };
      await expect(app.service.createSession({ userId })).rejects.toMatchObject(refused);
      await expect(app.service.listUserSessions(userId)).rejects.toMatchObject(refused);
      await expect(app.service.invalidateAllUserSessions(userId)).rejects.toMatchObject(refused);
      expect(await dumpKeys(ground.redis, `${app.prefix}:`)).toEqual([]);
    });
  });

  describe('of the client', () => {
    const clientOf = async (client: { ip?: string; userAgent?: string }) => {
      const app = ground.open();
      const { id } = await app.service.createSession({ userId: 'ada', client });
      const [begun] = await readOutbox(app);
      const found = (await app.service.getSession(id))!.client;
      expect({ ip: begun!.ip, userAgent: begun!.userAgent }).toEqual({
        ip: found.ip ?? '',
        userAgent: found.userAgent ?? '',
      });
      return found;
    };

    test.each([
      ['a long user agent is cut at 512 characters', 'x'.repeat(9000), 'x'.repeat(512)],
      ['no half of a character is left by the cut', `${'x'.repeat(511)}😀`, `${'x'.repeat(511)}�`],
      ['control characters are removed', 'Fire\0fox\u001f/\u009f140\n', 'Firefox/140'],
      ['lone surrogates are replaced', 'a\ud800b', 'a�b'],
      ['other characters stay', 'Fire🦊 ✓ {*}', 'Fire🦊 ✓ {*}'],
    ])('%s', async (_, userAgent, kept) => {
      expect(await clientOf({ userAgent })).toEqual({ userAgent: kept });
    });

    test.each([
      ['127.0.0.1', '127.0.0.1'],
      ['2001:DB8::1', '2001:db8::1'],
      ['fe80::1%eth0', 'fe80::1'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
    ])('the address %s is kept as %s', async (ip, kept) => {
      expect(await clientOf({ ip })).toEqual({ ip: kept });
    });

    test('both may be missing', async () => {
      expect(await clientOf({})).toEqual({});
      expect(await clientOf({ ip: '', userAgent: '' })).toEqual({});
      expect(await clientOf(undefined as never)).toEqual({});
    });

    test.each<[string, unknown]>([
      ['a name', 'localhost'],
      ['an address with its port', '203.0.113.7:443'],
      ['two addresses of a forwarding header', '203.0.113.7, 10.0.0.1'],
      ['an address with a separator after its zone', 'fe80::1%a\u001fb\n'],
      ['a number', 7],
      ['an object', { toString: 1 }],
    ])('%s is no address, and is refused', async (_, ip) => {
      const app = ground.open();
      await expect(
        app.service.createSession({ userId: 'ada', client: { ip: ip as string } }),
      ).rejects.toMatchObject({ code: 'ERR_SESSION_INPUT' });
      expect(await readOutbox(app)).toEqual([]);
    });

    test('a user agent that is no text is refused', async () => {
      const { service } = ground.open();
      const client = { userAgent: ['a'] as unknown as string };
      await expect(service.createSession({ userId: 'ada', client })).rejects.toMatchObject({
        code: 'ERR_SESSION_INPUT',
      });
    });
  });
}
