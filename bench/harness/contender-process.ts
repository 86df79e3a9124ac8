import type { Answer, Call, Methods, Open, Place } from './contender.js';

// A process of its own for each contender: no other's garbage or compiled code is in its figures.
const [file, place] = process.argv.slice(2) as [string, string];
const { open } = (await import(`../contenders/${file}.js`)) as { open: Open<Methods> };
const contender = await open(JSON.parse(place) as Place);

process.on('message', (call: Call) => void answer(call));
process.on('disconnect', () => process.exit());
process.send?.({ id: 0 } satisfies Answer);

async function answer({ id, method, args }: Call): Promise<void> {
  try {
    const result = await contender[method]!(...(args as never[]));
    process.send?.({ id, result } satisfies Answer);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.send?.({ id, error: text } satisfies Answer);
  }
}
