import { SessionError } from '../../errors.js';
import { show } from '../../option-rules.js';

/** Which page to read, and its size. */
export interface PageRequest {
  /** `next` of the previous page. Default: the first page. */
  after?: string;
  /** 1 to 1,000. Default 100. */
  limit?: number;
}

/** Which part of the ledger to verify. Default: all of it. */
export interface VerifyRange {
  /** Only this chain (bucket). */
  chain?: number;
  /** Only the rows from this seq to `toSeq`, inclusive. */
  fromSeq?: bigint;
  toSeq?: bigint;
  /**
   * Called after each step with the number of rows verified and the total. The total is an estimate
   * until the last call, in which the two are equal.
   */
  onProgress?: (done: bigint, total: bigint) => void;
}

/** The maximum of a bigint column. */
export const MAX_SEQ = 2n ** 63n - 1n;

/** The last session seen: when it was created (ms) and the ID of its row. */
const CURSOR = /^(\d{1,15})_(\d{1,19})$/;

/**
 * Checks which page is to be read, and applies the default size.
 *
 * @throws SessionError `ERR_SESSION_INPUT`
 */
export function checkPage(page: PageRequest | undefined): PageRequest & { limit: number } {
  const { after, limit = 100 } = checkObject('page', page);
  checkLimit(limit, 1_000);
  if (after !== undefined) parseCursor(after);
  return { after, limit };
}

/**
 * Checks which rows are to be listed: those that follow the row with the ID `position`.
 *
 * @throws SessionError `ERR_SESSION_INPUT`
 */
export function checkRows<Position extends string>(
  page: ({ [name in Position]?: string } & { limit?: number }) | undefined,
  position: Position,
): { [name in Position]?: string } & { limit: number } {
  const { limit = 100, ...given }: { limit?: number; [name: string]: unknown } = checkObject(
    'page',
    page,
  );
  checkLimit(limit, 10_000);
  const id = given[position];
  if (id === undefined || isRowId(id)) return { [position]: id, limit } as never;
  throw invalidPage(`\`${position}\` is ${show(id)}; use the ID of the last row seen`);
}

function isRowId(id: unknown): boolean {
  return typeof id === 'string' && /^\d{1,19}$/.test(id) && BigInt(id) <= MAX_SEQ;
}

function checkLimit(limit: number, max: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= max) return;
  throw invalidPage(`limit is ${show(limit)}; use a whole number from 1 to ${max}`);
}

/** @throws SessionError `ERR_SESSION_INPUT` */
export function parseCursor(after: string): { createdAt: Date; id: string } {
  const match = CURSOR.exec(String(after));
  if (!match) throw invalidPage('`after` is not the `next` of a previous page');
  return { createdAt: new Date(Number(match[1])), id: match[2]! };
}

/** @throws SessionError `ERR_SESSION_INPUT` */
export function checkMoment(moment: Date): Date {
  if (moment instanceof Date && !Number.isNaN(moment.getTime())) return moment;
  throw invalidPage(`the moment is ${show(moment)}; use a valid Date`);
}

/**
 * Checks which rows are to be verified. A number that no chain has is the verifier's to find: rows
 * with such a number are a break.
 *
 * @throws SessionError `ERR_SESSION_INPUT`
 */
export function checkRange(given: VerifyRange | undefined): VerifyRange {
  const range = checkObject('range', given);
  const { chain, fromSeq = 1n, toSeq = MAX_SEQ } = range;
  if (chain !== undefined && !Number.isInteger(chain)) {
    throw invalidRange(`chain is ${show(chain)}; use a whole number`);
  }
  if (typeof fromSeq !== 'bigint' || typeof toSeq !== 'bigint') {
    throw invalidRange(`it is from seq ${show(fromSeq)} to ${show(toSeq)}; use bigints such as 1n`);
  }
  if (fromSeq < 1n || toSeq > MAX_SEQ || fromSeq > toSeq) {
    throw invalidRange(
      `it is from seq ${fromSeq} to ${toSeq}; start at 1 or higher, and end at the start or higher`,
    );
  }
  return range;
}

/** An unknown chain has no rows, and no rows have no breaks: that isn't a valid ledger. */
export function unknownChain(chain: number): SessionError {
  return invalidRange(`there is no chain ${chain}; chains are numbered from 0 to 255`);
}

/**
 * Checks an optional argument that holds options.
 *
 * @throws SessionError `ERR_SESSION_INPUT`
 */
function checkObject<T extends object>(name: string, value: T | undefined): Partial<T> {
  if (value === undefined) return {};
  if (typeof value === 'object' && value !== null) return value;
  throw new SessionError('ERR_SESSION_INPUT', `${name} must be an object, not ${show(value)}.`);
}

function invalidPage(why: string): SessionError {
  return new SessionError('ERR_SESSION_INPUT', `The page can't be read: ${why}.`);
}

function invalidRange(why: string): SessionError {
  return new SessionError('ERR_SESSION_INPUT', `The range can't be verified: ${why}.`);
}
