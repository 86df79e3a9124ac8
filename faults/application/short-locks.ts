import { Worker } from 'bullmq';

interface Timed {
  opts: { lockDuration: number; lockRenewTime: number; stalledInterval: number };
  lockManager?: { opts: { lockDuration: number; lockRenewTime: number } };
}

/** BullMQ's locks last 30 s. Of 1 s, they are outlived by a block that doesn't hold a campaign up. */
export function useShortLocks(): void {
  const run = Worker.prototype.run;
  Worker.prototype.run = function runWithShortLocks() {
    const worker = this as unknown as Timed;
    const times = { lockDuration: 1_000, lockRenewTime: 500 };
    Object.assign(worker.opts, times, { stalledInterval: 1_000 });
    if (worker.lockManager) Object.assign(worker.lockManager.opts, times);
    return run.call(this);
  };
}
