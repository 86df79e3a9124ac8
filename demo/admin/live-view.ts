import { Injectable, Logger, type MessageEvent } from '@nestjs/common';
import { defer, exhaustMap, filter, map, merge, timer, type Observable } from 'rxjs';

import { ChainCheck } from './chain-check.js';
import { Figures } from './figures.js';
import { LedgerEntries, type Position } from './ledger-entries.js';

/** Time between queries (ms). */
const ENTRIES_INTERVAL = 500;
const FIGURES_INTERVAL = 2_000;
/** How many earlier entries of each chain a new viewer gets. */
const INITIAL_ENTRIES = 30;

/**
 * The live view as server-sent events: `entries`, `figures` and `chain`, or `unavailable` while
 * Postgres or Redis can't be reached.
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

  /** Each viewer has its own position, so it gets every entry. */
  private newEntries(): Observable<MessageEvent> {
    return defer(() => {
      let position: Position | undefined;
      return this.poll(ENTRIES_INTERVAL, async () => {
        position ??= await this.entries.position(INITIAL_ENTRIES);
        const entries = await this.entries.after(position);
        return entries.length > 0 ? { type: 'entries', data: entries } : null;
      });
    });
  }

  private figuresNow(): Observable<MessageEvent> {
    return this.poll(FIGURES_INTERVAL, async () => ({
      type: 'figures',
      data: await this.figures.now(),
    }));
  }

  private chainStates(): Observable<MessageEvent> {
    return this.chain.states.pipe(map((data) => ({ type: 'chain', data })));
  }

  /** Runs a query at an interval. `exhaustMap` skips runs while a slow one is still in progress. */
  private poll(
    interval: number,
    query: () => Promise<MessageEvent | null>,
  ): Observable<MessageEvent> {
    return timer(0, interval).pipe(
      exhaustMap(() => query().catch((error) => this.unavailable(error))),
      filter((message) => message !== null),
    );
  }

  /** Reports the error and keeps the stream open: the next query may succeed. */
  private unavailable(error: Error): MessageEvent {
    this.logger.warn(error.message);
    return { type: 'unavailable', data: 'Paused: Redis or Postgres is unavailable' };
  }
}
