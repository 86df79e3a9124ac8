import { describe, expect, test } from '@jest/globals';
import { assert, constant, dictionary, jsonValue, option, property, string } from 'fast-check';

import {
  formatData,
  formatPatch,
  parseRecord,
  SEPARATOR,
  type JsonObject,
} from './session-record.js';

const RECORD = {
  userId: 'ada',
  createdAt: 1_763_920_000_000,
  signedInAt: 1_763_910_000_000,
  expiresAt: 1_763_960_000_000,
  idleExpiresAt: 1_763_930_000_000,
  lastUsedAt: 1_763_925_000_000,
  ip: '203.0.113.7',
  userAgent: 'Firefox/140',
  data: {},
};

const text = (...fields: (string | number)[]) => fields.join(SEPARATOR);
const { createdAt, signedInAt, expiresAt, idleExpiresAt, lastUsedAt, ip, userAgent } = RECORD;

describe('a record', () => {
  test('a record is parsed field by field', () => {
    const full = text(
      'ada',
      createdAt,
      signedInAt,
      expiresAt,
      idleExpiresAt,
      lastUsedAt,
      ip,
      userAgent,
    );
    expect(parseRecord(full)).toEqual(RECORD);
  });

  test('an omitted time equals another time of the record', () => {
    expect(parseRecord(text('ada', createdAt, '', expiresAt, '', '', '', ''))).toEqual({
      ...RECORD,
      signedInAt: createdAt,
      idleExpiresAt: expiresAt,
      lastUsedAt: createdAt,
      ip: '',
      userAgent: '',
    });
  });

  test('any data survives formatting and parsing', () => {
    const names = string({ unit: 'binary' });
    const data = dictionary(names, jsonValue({ stringUnit: 'binary' }), { noNullPrototype: true });
    assert(
      property(data, (given) => {
        const base = text('ada', createdAt, '', expiresAt, '', '', ip, userAgent);
        const record = parseRecord(base + formatData(given as JsonObject));
        expect(record.data).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });

  test.each([
    ['empty text', ''],
    ['text', 'foreign'],
    ['too few fields', text('ada', createdAt, '', expiresAt, '', '', '')],
    ['a field without its value', text('ada', createdAt, '', expiresAt, '', '', '', '', '"a"')],
    ['a record with an invalid time', text('ada', 'then', '', expiresAt, '', '', '', '')],
    [
      'a record that expires before its creation',
      text('ada', expiresAt, '', createdAt, '', '', '', ''),
    ],
    [
      'a record whose data is not JSON',
      text('ada', createdAt, '', expiresAt, '', '', '', '', '"a"', '{'),
    ],
  ])('%s is not parsed as a record', (_, foreign) => {
    expect(() => parseRecord(foreign)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_REDIS_REFUSED' }),
    );
  });
});

describe('a patch', () => {
  test('a patch never contains the field separator', () => {
    const value = option(jsonValue({ stringUnit: 'binary' }), { nil: undefined });
    const names = string({ unit: 'binary' });
    assert(
      property(dictionary(names, value), constant(SEPARATOR), (patch, separator) => {
        const fields = formatPatch(patch as JsonObject);
        expect(fields.filter((field) => field.includes(separator))).toEqual([]);
        expect(fields).toHaveLength(2 * Object.keys(patch).length);
      }),
    );
  });

  test('a patch marks a field to be removed by an empty value', () => {
    expect(formatPatch({ a: undefined, b: '' })).toEqual(['"a"', '', '"b"', '""']);
  });
});
