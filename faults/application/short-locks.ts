import { Worker } from 'bullmq';

interface WorkerTimes {
  opts: { lockDuration: number; lockRenewTime: number; stalledInterval: number };
  lockManager?: { opts: { lockDuration: number; lockRenewTime: number } };
}

/** Shortens BullMQ's locks from 30 s to 1 s, so that a short block of the event loop outlasts them. */
export function useShortLocks(): void {
  const run = Worker.prototype.run;
  Worker.prototype.run = function runWithShortLocks() {
    const worker = this as unknown as WorkerTimes;
    const times = { lockDuration: 1_000, lockRenewTime: 500 };
    Object.assign(worker.opts, times, { stalledInterval: 1_000 });
    if (worker.lockManager) Object.assign(worker.lockManager.opts, times);
    return run.call(this);
  };
}
