import { EntitySchema } from 'typeorm';

import type { UserIdType } from '../user-id.js';

export const USER_ENTITY = 'LedgerUserRow';

/**
 * The application's users table, as far as `sessions` refers to it. It is here so that
 * `migration:generate` knows the foreign key; the table itself is left alone.
 */
export const userEntity = (
  { table, column = 'id' }: { table: string; column?: string },
  type: UserIdType,
) => {
  const [name, schema = 'public'] = table.split('.').toReversed();
  return new EntitySchema<{ id: string | number }>({
    name: USER_ENTITY,
    tableName: name,
    schema,
    synchronize: false,
    columns: { id: { name: column, type, primary: true } },
  });
};
