import { describe, expect, test } from '@jest/globals';

import { HOUR } from '../../support/durations.js';
import { dumpKeys } from '../../support/key-dump.js';
import { testOnRedis, useContract } from '../../support/use-contract.js';

describe('input checks', () => {
  const fixture = useContract();

  describe('a user ID of any Unicode characters, up to 255', () => {
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

    test('users with unusual IDs can use every operation, each with their own sessions', async () => {
      const app = fixture.open({ buckets: 2, maxSessionsPerUser: 5 });
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
      const events = await app.events();
      expect(events).toHaveLength(4 * userIds.length);
      expect(new Set(events.map((event) => event.userId))).toEqual(new Set(userIds));
    });

    test('the sweep records the end of sessions of users with unusual IDs', async () => {
      const app = fixture.open({ buckets: 2 });
      for (const userId of userIds) await app.service.createSession({ userId, expires: HOUR });
      await app.letTimePass(2 * HOUR);
      await app.sweepAll();
      const ended = (await app.events()).filter(({ event }) => event === 'destroyed');
      expect(ended.map(({ userId }) => userId).toSorted()).toEqual(userIds.toSorted());
    });

    testOnRedis('no user ID can address keys outside its bucket', async () => {
      const app = fixture.open({ buckets: 2 });
      for (const userId of userIds) await app.service.createSession({ userId });
      const keys = (await dumpKeys(fixture.redis, `${app.prefix}:`)).map(({ key }) => key);
      const sets = keys.filter((key) => /^\w+:\{[01]\}:u:/.test(key));
      const rest = keys.filter((key) => !/^\w+:\{[01]\}:(u:.*|s:[\w-]{43}|x|o|n)$/s.test(key));
      expect(sets.map((key) => key.replace(/^\w+:\{[01]\}:u:/, '')).toSorted()).toEqual(
        userIds.toSorted(),
      );
      expect(rest).toEqual([]);
    });
  });

  describe('an invalid user ID', () => {
    test.each<[string, unknown]>([
      ['an empty string', ''],
      ['256 characters', 'x'.repeat(256)],
      ['a string with NUL', 'a\0b'],
      ['a string with a line break', 'a\nb'],
      ['a string with U+001F, the field separator', 'a\u001fb'],
      ['a string with DEL', '\u007f'],
      ['a string with a C1 control character', '\u0085'],
      ['a string with a lone high surrogate', 'a\ud83d'],
      ['a string with a lone low surrogate', '\ude00a'],
      ['a number', 7],
      ['undefined', undefined],
      ['null', null],
      ['an array', ['ada']],
      ['an object', { toString: 1 }],
      ['an object without a prototype', Object.create(null)],
    ])('%s is rejected, and nothing is written', async (_, invalid) => {
      const app = fixture.open();
      const userId = invalid as string;
      const rejection = { code: 'ERR_SESSION_INPUT' };
      await expect(app.service.createSession({ userId })).rejects.toMatchObject(rejection);
      await expect(app.service.listUserSessions(userId)).rejects.toMatchObject(rejection);
      await expect(app.service.invalidateAllUserSessions(userId)).rejects.toMatchObject(rejection);
      expect(await app.stored()).toEqual([]);
    });
  });

  describe('client details', () => {
    /** The client of a new session, as it is stored and as its event records it. */
    const clientOf = async (client: { ip?: string; userAgent?: string }) => {
      const app = fixture.open();
      const { id } = await app.service.createSession({ userId: 'ada', client });
      const [created] = await app.events();
      const found = (await app.service.getSession(id))!.client;
      expect({ ip: created!.ip, userAgent: created!.userAgent }).toEqual({
        ip: found.ip ?? '',
        userAgent: found.userAgent ?? '',
      });
      return found;
    };

    test.each([
      ['a long user agent is truncated to 512 characters', 'x'.repeat(9000), 'x'.repeat(512)],
      ['truncation leaves no half of a character', `${'x'.repeat(511)}😀`, `${'x'.repeat(511)}�`],
      ['control characters are removed', 'Fire\0fox\u001f/\u009f140\n', 'Firefox/140'],
      ['lone surrogates are replaced', 'a\ud800b', 'a�b'],
      ['other characters are kept', 'Fire🦊 ✓ {*}', 'Fire🦊 ✓ {*}'],
    ])('%s', async (_, userAgent, kept) => {
      expect(await clientOf({ userAgent })).toEqual({ userAgent: kept });
    });

    test.each([
      ['127.0.0.1', '127.0.0.1'],
      ['2001:DB8::1', '2001:db8::1'],
      ['fe80::1%eth0', 'fe80::1'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
    ])('the address %s is stored as %s', async (ip, kept) => {
      expect(await clientOf({ ip })).toEqual({ ip: kept });
    });

    test('the address and the user agent may be missing', async () => {
      expect(await clientOf({})).toEqual({});
      expect(await clientOf({ ip: '', userAgent: '' })).toEqual({});
      expect(await clientOf(undefined as never)).toEqual({});
    });

    test.each<[string, unknown]>([
      ['a host name', 'localhost'],
      ['an address with its port', '203.0.113.7:443'],
      ['two addresses from a forwarding header', '203.0.113.7, 10.0.0.1'],
      ['an address with a separator in its zone', 'fe80::1%a\u001fb\n'],
      ['a number', 7],
      ['an object', { toString: 1 }],
    ])('%s is not an address and is rejected', async (_, ip) => {
      const app = fixture.open();
      await expect(
        app.service.createSession({ userId: 'ada', client: { ip: ip as string } }),
      ).rejects.toMatchObject({ code: 'ERR_SESSION_INPUT' });
      expect(await app.events()).toEqual([]);
    });

    test('a user agent that is not a string is rejected', async () => {
      const { service } = fixture.open();
      const client = { userAgent: ['a'] as unknown as string };
      await expect(service.createSession({ userId: 'ada', client })).rejects.toMatchObject({
        code: 'ERR_SESSION_INPUT',
      });
    });
  });
});
