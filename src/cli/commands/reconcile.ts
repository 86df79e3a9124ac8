import type { Work } from './command.js';

export const reconcile: Work<object> = async ({ audit }, output) => {
  const report = await audit.reconcile();
  const { checked, missing, resurrected } = report;
  output.result(report, () => [
    `${checked.toLocaleString('en')} open sessions looked up in Redis.`,
    `${missing.toLocaleString('en')} were missing there: their ends are recorded now.`,
    `${resurrected.toLocaleString('en')} were over, and back in Redis: ended again.`,
  ]);
  return missing === 0 && resurrected === 0;
};
