import { afterEach } from '@jest/globals';

import { auditParts, type SessionAuditParts } from '../../../src/audit/audit-parts.js';
import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { ledgerSettings } from '../../../src/audit/postgres/schema.js';
import type { NestProcess } from '../../support/nest-application.js';
import type { Trail } from '../../support/trail.js';

/** Returns a function that gives a process's parts of the audit trail, each time anew. */
export function useAuditParts(): (trail: Trail, app: NestProcess) => SessionAuditParts {
  const databases: LedgerDatabase[] = [];

  afterEach(async () => {
    await Promise.all(databases.splice(0).map((database) => database.close()));
  });

  return (trail, { buckets }) => {
    const database = new LedgerDatabase(trail.databaseUrl, {}, false);
    databases.push(database);
    return auditParts(buckets, database, ledgerSettings({}));
  };
}
