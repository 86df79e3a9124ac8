import { Client } from 'pg';

/**
 * `node build/demo/startup/sql.js <database URL> <statement>` prints the rows that a statement
 * returns. The greeting suggests it on machines without psql.
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
