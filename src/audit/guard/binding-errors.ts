import { SessionError } from '../../errors.js';

/** The row of `session_ledger`: which Redis the tables belong to. Null until they are bound. */
export interface LedgerIdentity {
  id: string;
  prefix: string | null;
  buckets: number | null;
  keyspace: string | null;
}

/** What `<prefix>:meta` says about the ledger. Null until this Redis is bound. */
export interface RedisIdentity {
  ledger: string | null;
  keyspace: string | null;
  schema: string | null;
}

/** This process's side of the binding. */
export interface Side {
  prefix: string;
  count: number;
  schema: string;
}

/** The error of a ledger that is not recorded from this Redis. */
export function held({ prefix, schema }: Side): SessionError {
  return new SessionError(
    'ERR_SESSION_LEDGER_HELD',
    `The ledger in the schema ${schema} is held: its sessions are not in this Redis (prefix ` +
      `'${prefix}'), which is new or was emptied. Sessions work and their events wait in Redis. If this is ` +
      'the wrong Redis, correct the `redis` option. If it is the right one, run `session-ledger adopt`: ' +
      'the sessions that are missing in it are then recorded as lost.',
  );
}

export function missingLedgerRow(): SessionError {
  return new SessionError(
    'ERR_SESSION_LEDGER_DAMAGED',
    'The table session_ledger has no row: it was deleted. Restore the row from a backup; its `id` is ' +
      'also in the field `ledger` of the Redis key <prefix>:meta.',
  );
}

export function mismatch(reason: string): SessionError {
  return new SessionError('ERR_SESSION_LEDGER_MISMATCH', reason);
}

export function otherLedger(
  sql: LedgerIdentity,
  redis: RedisIdentity,
  { prefix, schema }: Side,
): string {
  return (
    `The sessions in Redis under the prefix '${prefix}' belong to the ledger ${redis.ledger} (schema ` +
    `${redis.schema}), and the audit tables in the schema ${schema} are the ledger ${sql.id}. Correct ` +
    '`redis`, `prefix`, `database` or `audit.schema`. If the earlier ledger is gone for good, run ' +
    `\`session-ledger adopt --from ${redis.ledger}\`.`
  );
}

export function otherPrefix(sql: LedgerIdentity, { prefix, schema }: Side): string {
  return (
    `The audit tables in the schema ${schema} (ledger ${sql.id}) belong to the sessions with the prefix ` +
    `'${sql.prefix}', and this module's prefix is '${prefix}'. Give it a schema of its own ` +
    `(\`audit.schema\`), or the prefix '${sql.prefix}'. If the sessions have moved to the new prefix, run ` +
    `\`session-ledger adopt --from-prefix ${sql.prefix}\`.`
  );
}

export function otherBuckets(sql: LedgerIdentity, { count, schema }: Side): string {
  return (
    `The audit tables in the schema ${schema} (ledger ${sql.id}) belong to sessions in ${sql.buckets} ` +
    `buckets, and the option \`buckets\` is ${count}. Set it to ${sql.buckets}.`
  );
}

export function otherRedis(sql: LedgerIdentity, { prefix, schema }: Side): string {
  return (
    `The audit tables in the schema ${schema} (ledger ${sql.id}) were bound to another Redis than this ` +
    `one, with the same prefix '${prefix}'. Correct \`redis\`. If this Redis replaces the other one, ` +
    'run `session-ledger adopt`.'
  );
}
