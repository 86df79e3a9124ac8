/** Says on stderr what is being measured, over the line before where that is a terminal. */
export function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else process.stderr.write(`${text}\n`);
}

export function sayLast(text: string): void {
  say(text);
  if (process.stderr.isTTY) process.stderr.write('\n');
}
