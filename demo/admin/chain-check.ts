import { Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { SessionAudit, type LedgerBreak } from 'nest-session-ledger';
import {
  ignoreElements,
  merge,
  ReplaySubject,
  share,
  timer,
  exhaustMap,
  type Observable,
} from 'rxjs';

/** A place where the ledger was tampered with. */
class ChainBreak {
  @ApiProperty()
  chain!: number;

  @ApiProperty()
  seq!: string;

  @ApiProperty({ enum: ['hash', 'gap', 'head', 'foreign'] })
  problem!: LedgerBreak['problem'];
}

/** What the last verification of the whole ledger found. */
export class ChainState {
  @ApiProperty({ description: 'Whether nobody has touched the ledger.' })
  isWhole!: boolean;

  @ApiProperty({ description: 'Rows verified.' })
  rows!: number;

  @ApiProperty({ type: [ChainBreak], description: 'The first few places.' })
  breaks!: ChainBreak[];

  @ApiProperty()
  checkedAt!: Date;
}

/** While somebody looks on, ms. A second for each few 100,000 rows, so not with each figure. */
const EVERY = 60_000;
const SHOWN_BREAKS = 10;

/** Verifies the ledger while anybody watches, once for all of them. */
@Injectable()
export class ChainCheck {
  /** The newest state first, then each new one. */
  readonly states: Observable<ChainState>;

  private readonly results = new ReplaySubject<ChainState>(1);
  private running: Promise<unknown> = Promise.resolve();
  private next: Promise<ChainState> | undefined;

  constructor(private readonly audit: SessionAudit) {
    // What fails here fails for the figures as well, which tell of it.
    const regularly = timer(0, EVERY).pipe(
      exhaustMap(() => this.run().catch(() => undefined)),
      ignoreElements(),
      share(),
    );
    this.states = merge(this.results, regularly);
  }

  /**
   * Verifies all that there is at the call. One that is under way may have read on already, so it
   * is not that one's answer but the next's, for all who ask meanwhile.
   */
  run(): Promise<ChainState> {
    this.next ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        const state = this.verify();
        this.running = state;
        return state;
      });
    return this.next;
  }

  private async verify(): Promise<ChainState> {
    const { valid, rows, breaks } = await this.audit.verify();
    const state = {
      isWhole: valid,
      rows: Number(rows),
      breaks: breaks.slice(0, SHOWN_BREAKS),
      checkedAt: new Date(),
    };
    this.results.next(state);
    return state;
  }
}
