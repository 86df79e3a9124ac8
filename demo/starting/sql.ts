import { Client } from 'pg';

/**
 * `node build/demo/starting/sql.js <database URL> <statement>`: shows what a statement finds, on
 * machines without psql.
 */
const [, , connectionString, statement = ''] = process.argv;

const client = new Client({ connectionString });
await client.connect();
try {
  const { rows } = await client.query(statement);
  console.table(rows);
} finally {
  await client.end();
}
