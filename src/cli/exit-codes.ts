/** How the command ends: scripts can trust these. */
export const EXIT = {
  /** All is well. */
  OK: 0,
  /** It did its work, and found something wrong. */
  FINDINGS: 1,
  /** The command line, the environment or the tables are not right: trying again won't help. */
  USAGE: 2,
  /** Redis or Postgres could not be reached, or went away: try again. */
  UNAVAILABLE: 3,
  /** A fault of this program. */
  INTERNAL: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
