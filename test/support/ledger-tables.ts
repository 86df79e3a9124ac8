import { DataSource } from 'typeorm';

import { ledgerDataSourceOptions, type LedgerLayout } from '../../src/index.js';

/** Runs the migrations, as `session-ledger migrate` does. */
export async function createLedgerTables(url: string, layout: LedgerLayout = {}): Promise<void> {
  const dataSource = await new DataSource(ledgerDataSourceOptions(url, layout)).initialize();
  try {
    await dataSource.runMigrations();
  } finally {
    await dataSource.destroy();
  }
}
