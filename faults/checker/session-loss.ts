import type { Span } from './guarantees.js';

/** How what Redis forgot changes what is promised of one session. */
export interface SessionLoss {
  /** Its start was forgotten before it was recorded, and the session with it. */
  hasVanished: boolean;
  /** Its end was forgotten before it was recorded, so it lived on. */
  livedOn: boolean;
  /** It was made by rotating a session that had come back, so it must be ended, too. */
  isHeir: boolean;
  /** Ends that were asked for before this moment are undone. */
  undoneBefore: number;
  /** Redis may not have the session in these times, although its end is recorded later. */
  absent: Span[];
  /** The session may be alive in these times, although its end is recorded earlier. */
  alive: Span[];
}

export const NO_LOSS: SessionLoss = {
  hasVanished: false,
  livedOn: false,
  isHeir: false,
  undoneBefore: -Infinity,
  absent: [],
  alive: [],
};
