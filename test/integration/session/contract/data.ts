import { describe, expect, test } from '@jest/globals';

import type { JsonObject } from '../../../../src/store/session-record.js';
import { HOUR, MINUTE } from '../../../support/application.js';
import { dumpKeys } from '../../../support/key-dump.js';
import { readOutbox } from '../../../support/outbox.js';
import type { Ground } from '../../../support/use-redis.js';

/** An object of exactly so many bytes as JSON. */
function ofSize(bytes: number): JsonObject {
  return { text: 'x'.repeat(bytes - '{"text":""}'.length) };
}

const LIMIT = 16 * 1024;

export function data(ground: Ground): void {
  const dataOf = async (service: ReturnType<Ground['open']>['service'], given?: JsonObject) => {
    const { id } = await service.createSession({ userId: 'ada', data: given });
    return (await service.getSession(id))!.data;
  };

  test('what goes in comes out', async () => {
    const { service } = ground.open();
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

  test('a field named __proto__ is a field like any other', async () => {
    const { service } = ground.open();
    const given = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}') as JsonObject;
    const { id } = await service.createSession({ userId: 'ada', data: given });
    await service.updateSessionData(id, JSON.parse('{"__proto__": {"admin": 2}}') as JsonObject);
    const found = (await service.getSession(id))!.data;
    expect(Object.keys(found).toSorted()).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
    expect(JSON.stringify(found)).toBe('{"__proto__":{"admin":2},"constructor":1}');
    expect('admin' in found).toBe(false);
  });

  test('an update changes the fields that it names, and removes those set to undefined', async () => {
    const { service } = ground.open();
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

  test('writers of different fields never lose what another wrote', async () => {
    const app = ground.open();
    const other = ground.open({ prefix: app.prefix });
    const { id } = await app.service.createSession({ userId: 'ada' });
    const writes = Array.from({ length: 100 }, (_, n) =>
      (n % 2 ? app : other).service.updateSessionData(id, { [`field ${n}`]: n }),
    );
    await Promise.all(writes);
    expect(Object.keys((await app.service.getSession(id))!.data)).toHaveLength(100);
  });

  test('an update prolongs nothing and writes no event', async () => {
    const app = ground.open({ idleTimeout: 30 * MINUTE });
    const { id } = await app.service.createSession({ userId: 'ada', expires: HOUR });
    const { data: _, ...before } = (await app.service.getSession(id))!;
    await app.service.updateSessionData(id, { a: 1 });
    expect(await app.service.getSession(id)).toEqual({ ...before, data: { a: 1 } });
    expect(await readOutbox(app)).toHaveLength(1);
  });

  test('an update of a session that is over brings nothing back', async () => {
    const app = ground.open();
    const { id } = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySession(id);
    const before = await dumpKeys(ground.redis, `${app.prefix}:`);
    for (const sessionId of [id, 'nonsense']) {
      await expect(app.service.updateSessionData(sessionId, { a: 1 })).rejects.toMatchObject({
        code: 'ERR_SESSION_NOT_FOUND',
      });
    }
    expect(await dumpKeys(ground.redis, `${app.prefix}:`)).toEqual(before);
  });

  describe('its size as JSON', () => {
    test('is 16 KiB at most when a session begins', async () => {
      const { service } = ground.open();
      expect(await dataOf(service, ofSize(LIMIT))).toEqual(ofSize(LIMIT));
      await expect(dataOf(service, ofSize(LIMIT + 1))).rejects.toMatchObject({
        code: 'ERR_SESSION_DATA_TOO_LARGE',
      });
      // Bytes, not characters.
      await expect(dataOf(service, { text: '€'.repeat(6000) })).rejects.toMatchObject({
        code: 'ERR_SESSION_DATA_TOO_LARGE',
      });
      expect(await service.listUserSessions('ada')).toHaveLength(1);
    });

    test('is 16 KiB at most after an update has been merged, to the byte', async () => {
      const { service } = ground.open();
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

    test('of an update alone is 16 KiB at most', async () => {
      const { service } = ground.open();
      const { id } = await service.createSession({ userId: 'ada' });
      await expect(service.updateSessionData(id, ofSize(LIMIT + 1))).rejects.toMatchObject({
        code: 'ERR_SESSION_DATA_TOO_LARGE',
      });
      await service.updateSessionData(id, ofSize(LIMIT));
    });
  });

  describe('is refused if it is', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    test.each<[string, unknown]>([
      ['an array', [1]],
      ['text', 'text'],
      ['null', null],
      ['circular', circular],
      ['a Date, which JSON makes text of', new Date(0)],
      ['something that JSON makes nothing of', { toJSON: () => undefined }],
      ['beyond JSON', { big: 1n }],
    ])('%s', async (_, given) => {
      const { service } = ground.open();
      const refused = { code: 'ERR_SESSION_INPUT' };
      const wrong = given as JsonObject;
      await expect(service.createSession({ userId: 'ada', data: wrong })).rejects.toMatchObject(
        refused,
      );
      const { id } = await service.createSession({ userId: 'ada' });
      await expect(service.updateSessionData(id, wrong)).rejects.toMatchObject(refused);
      expect((await service.getSession(id))!.data).toEqual({});
    });
  });
}
