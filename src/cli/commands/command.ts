import type { OpenLedger } from '../open-ledger.js';
import type { Output } from '../output.js';

/** A command's work. Resolves to false where it found something wrong. */
export type Work<TOptions> = (
  ledger: OpenLedger,
  output: Output,
  options: TOptions,
) => Promise<boolean>;
