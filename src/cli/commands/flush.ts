import type { Work } from './command.js';

export const flush: Work<object> = async ({ audit }, output) => {
  const countLeft = async () =>
    (await audit.backlog()).reduce((sum, { events }) => sum + events, 0);
  const report = await output.withCountdown('Recording', countLeft, () => audit.flush());
  const { recorded, deadLettered } = report;
  output.result(report, () => [
    `${recorded.toLocaleString('en')} events recorded.`,
    ...(deadLettered > 0
      ? [`${deadLettered.toLocaleString('en')} could not be, and are dead letters now.`]
      : []),
  ]);
  return deadLettered === 0;
};
