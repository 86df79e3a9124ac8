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
  /** The session that it is about, if it is about one. */
  handle: string | null;
  text: string;
}
