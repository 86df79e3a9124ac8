import { Injectable, Logger, type MessageEvent } from '@nestjs/common';
import { defer, exhaustMap, filter, map, merge, timer, type Observable } from 'rxjs';

import { ChainCheck } from './chain-check.js';
import { Figures } from './figures.js';
import { LedgerEntries, type Position } from './ledger-entries.js';

/** How often to look, ms. */
const ENTRIES_EVERY = 500;
const FIGURES_EVERY = 2_000;
/** Entries of each chain that a new viewer sees at once. */
const LOOK_BACK = 30;

/**
 * What happens, as server-sent events: `entries`, `figures` and `chain`; or `trouble`, where
 * Postgres or Redis is away for a while.
 */
@Injectable()
export class LiveView {
  private readonly logger = new Logger(LiveView.name);

  constructor(
    private readonly entries: LedgerEntries,
    private readonly figures: Figures,
    private readonly chain: ChainCheck,
  ) {}

  watch(): Observable<MessageEvent> {
    return merge(this.newEntries(), this.figuresNow(), this.chainStates());
  }

  /** Each viewer reads on from a position of its own, so none misses an entry. */
  private newEntries(): Observable<MessageEvent> {
    return defer(() => {
      let position: Position | undefined;
      return this.regularly(ENTRIES_EVERY, async () => {
        position ??= await this.entries.position(LOOK_BACK);
        const entries = await this.entries.after(position);
        return entries.length > 0 ? { type: 'entries', data: entries } : null;
      });
    });
  }

  private figuresNow(): Observable<MessageEvent> {
    return this.regularly(FIGURES_EVERY, async () => ({
      type: 'figures',
      data: await this.figures.now(),
    }));
  }

  private chainStates(): Observable<MessageEvent> {
    return this.chain.states.pipe(map((data) => ({ type: 'chain', data })));
  }

  /** Looks again and again; a look that takes longer than the pause is not overtaken. */
  private regularly(
    every: number,
    look: () => Promise<MessageEvent | null>,
  ): Observable<MessageEvent> {
    return timer(0, every).pipe(
      exhaustMap(() => look().catch((error) => this.trouble(error))),
      filter((message) => message !== null),
    );
  }

  /** The stream goes on: what is away comes back. */
  private trouble(error: Error): MessageEvent {
    this.logger.warn(error.message);
    return { type: 'trouble', data: 'The live view waits for a database that is out of reach.' };
  }
}
