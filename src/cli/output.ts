/** Where a command writes to. `process` fits; tests pass their own. */
export interface Streams {
  stdout: { write(text: string): unknown };
  /** Progress is shown only if this is a terminal. */
  stderr: { write(text: string): unknown; isTTY?: boolean };
}

/** How often `withCountdown` counts what is left (ms). */
const COUNT_INTERVAL = 250;
/** Moves the cursor to the start of the line and clears the line. */
const CLEAR_LINE = '\r\x1b[K';

/** A command's output: text for people, or one JSON document for programs. */
export class Output {
  constructor(
    private readonly streams: Streams,
    private readonly json: boolean,
  ) {}

  /** Prints the result: `document` with `--json`, otherwise the lines of `text`. */
  result(document: object, text: () => string[]): void {
    const lines = this.json ? [escapeControls(JSON.stringify(document, null, 2))] : text();
    this.streams.stdout.write(`${lines.join('\n')}\n`);
  }

  /** Shows a line of progress while `work` runs, and removes it afterwards. */
  async withProgress<T>(
    title: string,
    work: (report: (done: number, total: number) => void) => Promise<T>,
  ): Promise<T> {
    const { stderr } = this.streams;
    if (!stderr.isTTY) return work(() => undefined);
    let isRunning = true; // a late report must not write over the result
    try {
      return await work((done, total) => {
        if (total === 0 || !isRunning) return;
        stderr.write(`${CLEAR_LINE}${title}: ${progress(done, total)}`);
      });
    } finally {
      isRunning = false;
      stderr.write(CLEAR_LINE);
    }
  }

  /** Like `withProgress`, for work that doesn't report: counts what is left at intervals. */
  async withCountdown<T>(
    title: string,
    countLeft: () => Promise<number>,
    work: () => Promise<T>,
  ): Promise<T> {
    return this.withProgress(title, async (report) => {
      if (!this.streams.stderr.isTTY) return work();
      const total = await countLeft();
      const update = async () => {
        const left = await countLeft().catch(() => null); // `work` reports a server that is down
        if (left !== null && left <= total) report(total - left, total);
      };
      const timer = setInterval(() => void update(), COUNT_INTERVAL);
      try {
        return await work();
      } finally {
        clearInterval(timer);
      }
    });
  }
}

function progress(done: number, total: number): string {
  const percent = Math.floor((done / total) * 100);
  return `${percent}% (${done.toLocaleString('en')} of ${total.toLocaleString('en')})`;
}

/** `1 event`, `2,000 events`. */
export function count(number: number | string, noun: string): string {
  return `${Number(number).toLocaleString('en')} ${noun}${Number(number) === 1 ? '' : 's'}`;
}

/** Lines of padded columns. */
export function table(head: string[], rows: (string | number)[][]): string {
  const lines = [head, ...rows.map((row) => row.map((cell) => visible(String(cell))))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const padded = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)));
  return padded.map((line) => line.join('  ').trimEnd()).join('\n');
}

/**
 * Escapes control characters and characters that change the direction of text. The output can
 * contain text from strangers, such as a user agent, and must not control the operator's terminal.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escapeCharacter);
}

/** JSON.stringify escapes the C0 controls only; terminals also interpret DEL and C1. */
function escapeControls(json: string): string {
  return json.replace(/[\u007f-\u009f]|\p{Cf}/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return [...Array(character.length).keys()]
    .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');
}
