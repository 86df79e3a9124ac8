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

/** A row at which verification failed. */
class ChainBreak {
  @ApiProperty({ type: String, description: 'A chain, or `incidents` for the incidents.' })
  chain!: LedgerBreak['chain'];

  @ApiProperty()
  seq!: string;

  @ApiProperty({ enum: ['hash', 'gap', 'head', 'foreign'] })
  problem!: LedgerBreak['problem'];
}

/** The result of the last verification of the whole ledger. */
export class ChainState {
  @ApiProperty({ description: 'Whether no row was changed, removed or inserted.' })
  isValid!: boolean;

  @ApiProperty({ description: 'How many rows were verified.' })
  rows!: number;

  @ApiProperty({
    type: [ChainBreak],
    description: 'The first few rows at which verification failed.',
  })
  breaks!: ChainBreak[];

  @ApiProperty()
  checkedAt!: Date;
}

/** Time between verifications (ms). Each takes about a second per few hundred thousand rows. */
const INTERVAL = 60_000;
const MAX_BREAKS = 10;

/** Verifies the ledger regularly while there are viewers. They share one verification. */
@Injectable()
export class ChainCheck {
  /** Emits the latest state, then each new one. */
  readonly states: Observable<ChainState>;

  private readonly results = new ReplaySubject<ChainState>(1);
  private running: Promise<unknown> = Promise.resolve();
  private next: Promise<ChainState> | undefined;

  constructor(private readonly audit: SessionAudit) {
    // If this fails, so do the figures, and the live view reports that.
    const periodic = timer(0, INTERVAL).pipe(
      exhaustMap(() => this.run().catch(() => undefined)),
      ignoreElements(),
      share(),
    );
    this.states = merge(this.results, periodic);
  }

  /**
   * Verifies all rows that exist at the time of the call. A verification in progress may already
   * have read past the newest rows, so this waits for it and starts another one. All callers that
   * wait share it.
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
      isValid: valid,
      rows: Number(rows),
      breaks: breaks.slice(0, MAX_BREAKS),
      checkedAt: new Date(),
    };
    this.results.next(state);
    return state;
  }
}
