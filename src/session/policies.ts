/** An assurance level of NIST SP 800-63B-4. */
export type PolicyName = 'aal1' | 'aal2' | 'aal3';

/** Times in ms; 0 for no idle timeout. */
export interface PolicyLimits {
  maxLifetime: number;
  idleTimeout: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Reauthentication limits of NIST SP 800-63B-4 (August 2025). */
export const policies: Record<PolicyName, PolicyLimits> = {
  /** Section 2.1.3: overall timeout SHOULD be no more than 30 days; no idle timeout required. */
  aal1: { maxLifetime: 30 * DAY, idleTimeout: 0 },
  /** Section 2.2.3: overall SHOULD be no more than 24 hours, idle no more than 1 hour. */
  aal2: { maxLifetime: 24 * HOUR, idleTimeout: HOUR },
  /** Section 2.3.3: overall SHALL be no more than 12 hours, idle SHOULD be no more than 15 minutes. */
  aal3: { maxLifetime: 12 * HOUR, idleTimeout: 15 * MINUTE },
};
