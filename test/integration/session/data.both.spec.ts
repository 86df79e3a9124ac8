import { describe, expect, test } from '@jest/globals';

import type { SessionService } from '../../../src/session/session.service.js';
import type { JsonObject } from '../../../src/store/session-record.js';
import { HOUR, MINUTE } from '../../support/durations.js';
import { useContract } from '../../support/use-contract.js';

/** An object whose JSON has exactly this many bytes. */
function ofSize(bytes: number): JsonObject {
  return { text: 'x'.repeat(bytes - '{"text":""}'.length) };
}

const LIMIT = 16 * 1024;

describe('session data', () => {
  const fixture = useContract();

  /** The data of a new session that was created with this data. */
  const dataOf = async (service: SessionService, given?: JsonObject) => {
    const { id } = await service.createSession({ userId: 'ada', data: given });
    return (await service.getSession(id))!.data;
  };

  test('data is returned as it was stored', async () => {
    const { service } = fixture.open();
    const given = {
      text: 'Ω, 😀, "quotes", \\, \u0000 and \u001f and \u007f',
      'odd: name\u001f{}*': [1, -2.5, 1e21, true, false, null, [], {}],
      nested: { a: { b: { c: ['d'] } } },
      '': 'an empty name',
    };
    expect(await dataOf(service, given)).toEqual(given);
    expect(await dataOf(service)).toEqual({});
    expect(await dataOf(service, {})).toEqual({});
  });

  test('a field named __proto__ is stored like any other', async () => {
    const { service } = fixture.open();
    const given = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}') as JsonObject;
    const { id } = await service.createSession({ userId: 'ada', data: given });
    await service.updateSessionData(id, JSON.parse('{"__proto__": {"admin": 2}}') as JsonObject);
    const found = (await service.getSession(id))!.data;
    expect(Object.keys(found).toSorted()).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
    expect(JSON.stringify(found)).toBe('{"__proto__":{"admin":2},"constructor":1}');
    expect('admin' in found).toBe(false);
  });

  test('an update changes the named fields and removes those set to undefined', async () => {
    const { service } = fixture.open();
    const { id } = await service.createSession({
      userId: 'ada',
      data: { a: 1, b: 2, c: { d: 3 } },
    });
    await service.updateSessionData(id, { b: null, c: { e: 4 }, f: 'new', a: undefined });
    expect((await service.getSession(id))!.data).toEqual({ b: null, c: { e: 4 }, f: 'new' });
    await service.updateSessionData(id, {});
    await service.updateSessionData(id, { nothing: undefined });
    expect((await service.getSession(id))!.data).toEqual({ b: null, c: { e: 4 }, f: 'new' });
  });

  test('concurrent updates of different fields are all kept', async () => {
    const app = fixture.open();
    const other = fixture.open({ prefix: app.prefix });
    const { id } = await app.service.createSession({ userId: 'ada' });
    const writes = Array.from({ length: 100 }, (_, n) =>
      (n % 2 ? app : other).service.updateSessionData(id, { [`field ${n}`]: n }),
    );
    await Promise.all(writes);
    expect(Object.keys((await app.service.getSession(id))!.data)).toHaveLength(100);
  });

  test('an update does not extend the session and adds no event', async () => {
    const app = fixture.open({ idleTimeout: 30 * MINUTE });
    const { id } = await app.service.createSession({ userId: 'ada', expires: HOUR });
    const { data: _, ...before } = (await app.service.getSession(id))!;
    await app.service.updateSessionData(id, { a: 1 });
    expect(await app.service.getSession(id)).toEqual({ ...before, data: { a: 1 } });
    expect(await app.events()).toHaveLength(1);
  });

  test('an update of an ended session fails and restores nothing', async () => {
    const app = fixture.open();
    const { id } = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySession(id);
    const before = await app.stored();
    for (const sessionId of [id, 'nonsense']) {
      await expect(app.service.updateSessionData(sessionId, { a: 1 })).rejects.toMatchObject({
        code: 'ERR_SESSION_NOT_FOUND',
      });
    }
    expect(await app.stored()).toEqual(before);
  });

  describe('the size limit', () => {
    test('a new session accepts at most 16 KiB of data', async () => {
      const { service } = fixture.open();
      expect(await dataOf(service, ofSize(LIMIT))).toEqual(ofSize(LIMIT));
      await expect(dataOf(service, ofSize(LIMIT + 1))).rejects.toMatchObject({
        code: 'ERR_SESSION_DATA_TOO_LARGE',
      });
      // The limit is in bytes, not in characters.
      await expect(dataOf(service, { text: '€'.repeat(6000) })).rejects.toMatchObject({
        code: 'ERR_SESSION_DATA_TOO_LARGE',
      });
      expect(await service.listUserSessions('ada')).toHaveLength(1);
    });

    test('merged data is limited to exactly 16 KiB', async () => {
      const { service } = fixture.open();
      const { id } = await service.createSession({ userId: 'ada', data: { a: 'x'.repeat(8000) } });
      const room = LIMIT - Buffer.byteLength(JSON.stringify({ a: 'x'.repeat(8000), b: '' }));
      const tooLarge = { code: 'ERR_SESSION_DATA_TOO_LARGE' };
      await expect(
        service.updateSessionData(id, { b: 'x'.repeat(room + 1) }),
      ).rejects.toMatchObject(tooLarge);
      expect(Object.keys((await service.getSession(id))!.data)).toEqual(['a']);

      await service.updateSessionData(id, { b: 'x'.repeat(room) });
      const full = (await service.getSession(id))!.data;
      expect(Buffer.byteLength(JSON.stringify(full))).toBe(LIMIT);
      await expect(service.updateSessionData(id, { c: 1 })).rejects.toMatchObject(tooLarge);
      await service.updateSessionData(id, { a: undefined, c: 1 });
      expect(Object.keys((await service.getSession(id))!.data)).toEqual(['b', 'c']);
    });

    test('an update accepts at most 16 KiB of data', async () => {
      const { service } = fixture.open();
      const { id } = await service.createSession({ userId: 'ada' });
      await expect(service.updateSessionData(id, ofSize(LIMIT + 1))).rejects.toMatchObject({
        code: 'ERR_SESSION_DATA_TOO_LARGE',
      });
      await service.updateSessionData(id, ofSize(LIMIT));
    });
  });

  describe('invalid data', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    test.each<[string, unknown]>([
      ['an array', [1]],
      ['a string', 'text'],
      ['null', null],
      ['a circular object', circular],
      ['a Date, which JSON turns into a string', new Date(0)],
      ['an object that JSON turns into undefined', { toJSON: () => undefined }],
      ['an object that JSON cannot represent', { big: 1n }],
    ])('%s is rejected', async (_, given) => {
      const { service } = fixture.open();
      const rejection = { code: 'ERR_SESSION_INPUT' };
      const invalid = given as JsonObject;
      await expect(service.createSession({ userId: 'ada', data: invalid })).rejects.toMatchObject(
        rejection,
      );
      const { id } = await service.createSession({ userId: 'ada' });
      await expect(service.updateSessionData(id, invalid)).rejects.toMatchObject(rejection);
      expect((await service.getSession(id))!.data).toEqual({});
    });
  });
});
