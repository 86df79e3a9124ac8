/** The first four are what the closing line counts. */
export const BREACH_KINDS = [
  'lost',
  'doubled',
  'phantom',
  'resurrected',
  'chain',
  'wrong',
] as const;

export type BreachKind = (typeof BREACH_KINDS)[number];

/** A promise that wasn't kept. */
export interface Breach {
  kind: BreachKind;
  /** The session, where it is about one. */
  handle: string | null;
  text: string;
}
