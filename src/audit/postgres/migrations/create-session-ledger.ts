import type { MigrationInterface, QueryRunner } from 'typeorm';

import type { LedgerSettings } from '../../drain/ledger-writer.js';
import { createPartitionsFunction } from '../../sql/create-partitions-function.js';
import { createRetireFunction } from '../../sql/create-retire-function.js';
import { createSessionChains } from '../../sql/create-session-chains.js';
import { createSessionDeadLetters } from '../../sql/create-session-dead-letters.js';
import { createSessionEvents } from '../../sql/create-session-events.js';
import { createSessions } from '../../sql/create-sessions.js';

/**
 * The audit tables, their triggers and the partitions of this month and the next three.
 * A class made for one schema and type of user ID, as TypeORM makes migrations without arguments.
 */
export function createSessionLedger({ tables, userIdType, users }: LedgerSettings) {
  return class CreateSessionLedger1795000000000 implements MigrationInterface {
    readonly name = 'CreateSessionLedger1795000000000';

    async up(runner: QueryRunner): Promise<void> {
      const references = users && `${users.table} ("${users.column}")`;
      await runner.query(`CREATE SCHEMA IF NOT EXISTS ${tables.schema}`);
      await runner.query(createSessions(tables, userIdType, references));
      await runner.query(createSessionEvents(tables, userIdType));
      await runner.query(createSessionChains(tables));
      await runner.query(createSessionDeadLetters(tables));
      await runner.query(createPartitionsFunction(tables));
      await runner.query(createRetireFunction(tables));
      await runner.query(`SELECT ${tables.schema}.make_session_partitions(3)`);
    }

    async down(runner: QueryRunner): Promise<void> {
      const { schema, sessions, events, chains, deadLetters } = tables;
      await runner.query(`DROP TABLE ${sessions}, ${events}, ${chains}, ${deadLetters}`);
      await runner.query(`DROP FUNCTION ${schema}.make_session_partitions(integer)`);
      await runner.query(`DROP FUNCTION ${schema}.retire_session_events(date)`);
      await runner.query(`DROP FUNCTION ${schema}.refuse_session_events_change()`);
    }
  };
}
