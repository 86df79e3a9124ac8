// Replaces `Date` with one that can be wrong. Import it first, so that every other module gets it.

let shift = 0;

const RealDate = Date;

class WrongDate extends RealDate {
  constructor(...args: unknown[]) {
    if (args.length === 0) super(RealDate.now() + shift);
    else super(...(args as [number]));
  }

  static override now(): number {
    return RealDate.now() + shift;
  }
}

globalThis.Date = WrongDate as DateConstructor;

/** Sets how far off `Date` is (ms). */
export function shiftClock(ms: number): void {
  shift = ms;
}
