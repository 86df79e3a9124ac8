/** The audit tables by their full names, so that no `search_path` decides where a record goes. */
export interface LedgerTables {
  /** Quoted name of the schema. */
  schema: string;
  sessions: string;
  events: string;
  chains: string;
  deadLetters: string;
}

/** @param schema a plain SQL identifier, checked by the options */
export function ledgerTables(schema: string): LedgerTables {
  const name = (table: string) => `"${schema}".${table}`;
  return {
    schema: `"${schema}"`,
    sessions: name('sessions'),
    events: name('session_events'),
    chains: name('session_chains'),
    deadLetters: name('session_dead_letters'),
  };
}
