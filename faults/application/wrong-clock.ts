// Imported before anything else: whatever asks for the wall clock gets one that may be wrong.
let shift = 0;

const RightDate = Date;

class WrongDate extends RightDate {
  constructor(...args: unknown[]) {
    if (args.length === 0) super(RightDate.now() + shift);
    else super(...(args as [number]));
  }

  static override now(): number {
    return RightDate.now() + shift;
  }
}

globalThis.Date = WrongDate as DateConstructor;

export function shiftClock(ms: number): void {
  shift = ms;
}
