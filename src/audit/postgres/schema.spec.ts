import { describe, expect, test } from '@jest/globals';

import { ledgerDataSourceOptions, ledgerSchema, type LedgerLayout } from './schema.js';

const URL = 'postgres://ledger@localhost/ledger';

describe('the layout of the audit tables', () => {
  test.each<[string, unknown, RegExp]>([
    ['a schema that ends its quotes', { schema: 'a"; DROP TABLE users; --' }, /`schema` is "a/],
    ['an empty schema', { schema: '' }, /`schema` is ""/],
    ['a number as schema', { schema: 7 }, /`schema` is 7/],
    ['an unknown type of user IDs', { userId: { type: 'serial' } }, /`userId.type` is "serial"/],
    ['a text as userId', { userId: 'uuid' }, /`userId` is "uuid"/],
    [
      'a table that ends its quotes',
      { userId: { references: { table: 'users"' } } },
      /`userId.references.table` is "users/,
    ],
    [
      'references without a table',
      { userId: { references: {} } },
      /`userId.references.table` is undefined/,
    ],
    [
      'a column that is no identifier',
      { userId: { references: { table: 'users', column: 'id)' } } },
      /`userId.references.column` is "id\)"/,
    ],
    ['null', null, /is null/],
  ])('%s is rejected by every function that takes a layout', (_, layout, message) => {
    const error = expect.objectContaining({
      code: 'ERR_SESSION_OPTIONS',
      message: expect.stringMatching(message),
    });
    expect(() => ledgerSchema(layout as LedgerLayout)).toThrow(error);
    expect(() => ledgerDataSourceOptions(URL, layout as LedgerLayout)).toThrow(error);
  });

  test.each<unknown>([undefined, '', null, 7])('%p is no connection', (connection) => {
    expect(() => ledgerDataSourceOptions(connection as string)).toThrow(/`connection` is /);
  });

  test('without a layout, the tables are in the schema public', () => {
    expect(ledgerDataSourceOptions(URL)).toMatchObject({ url: URL, schema: 'public' });
  });
});
