/** The closing line counts the first four. */
export const VIOLATION_KINDS = [
  'lost',
  'doubled',
  'phantom',
  'resurrected',
  'chain',
  'wrong',
] as const;

/** A guarantee that did not hold. */
export interface Violation {
  kind: (typeof VIOLATION_KINDS)[number];
  /** The session that it concerns, if any. */
  handle: string | null;
  text: string;
}
