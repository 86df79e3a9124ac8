/** The servers of a run. */
export interface Place {
  redisUrl: string;
  databaseUrl: string;
}

/** What a contender's module exports as `open`. Its methods are called from the bench's process. */
export type Methods = Record<string, (...args: never[]) => Promise<unknown>>;
export type Open<T extends Methods> = (place: Place) => Promise<T>;

export interface Call {
  id: number;
  method: string;
  args: unknown[];
}

export interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}
