/** Held by the connection that runs the migrations. */
export const lockMigrations = `SELECT pg_advisory_lock(hashtext('session_ledger_migrations'))`;
export const unlockMigrations = `SELECT pg_advisory_unlock(hashtext('session_ledger_migrations'))`;
