import Table from 'cli-table3';
import progress from 'cli-progress';

/** Where a command writes. `process` is one; tests have their own. */
export interface Streams {
  stdout: { write(text: string): unknown };
  /** Progress is shown only where it is a terminal. */
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
}

/** How often to look at what is left, ms. */
const LOOK = 250;

/** What a command says: text for people, or one JSON document for programs. */
export class Output {
  constructor(
    private readonly streams: Streams,
    private readonly json: boolean,
  ) {}

  /** The result: `document` with `--json`, else the lines of `text`. */
  result(document: object, text: () => string[]): void {
    const lines = this.json ? [escapeControls(JSON.stringify(document, null, 2))] : text();
    this.streams.stdout.write(`${lines.join('\n')}\n`);
  }

  /** Shows how far some work is, while it runs. */
  async withProgress<T>(
    title: string,
    work: (report: (done: number, total: number) => void) => Promise<T>,
  ): Promise<T> {
    const { stderr } = this.streams;
    if (!stderr.isTTY) return work(() => undefined);
    const bar = new progress.SingleBar({
      format: `${title} {bar} {percentage}% | {value} of {total} | {eta_formatted} left`,
      stream: stderr,
      clearOnComplete: true,
      hideCursor: false, // it would stay hidden after Ctrl+C
      gracefulExit: false, // it would swallow the first Ctrl+C
    });
    let [isShown, isOver] = [false, false];
    try {
      return await work((done, total) => {
        if (total === 0 || isOver) return;
        if (!isShown) bar.start(total, 0);
        isShown = true;
        bar.setTotal(total);
        bar.update(done);
      });
    } finally {
      isOver = true;
      if (isShown) bar.stop();
    }
  }

  /** As `withProgress`, for work that doesn't tell: what is left of it is counted meanwhile. */
  async withCountdown<T>(
    title: string,
    countLeft: () => Promise<number>,
    work: () => Promise<T>,
  ): Promise<T> {
    return this.withProgress(title, async (report) => {
      if (!this.streams.stderr.isTTY) return work();
      const total = await countLeft();
      const look = async () => {
        const left = await countLeft().catch(() => null); // the work itself will tell
        if (left !== null && left <= total) report(total - left, total);
      };
      const timer = setInterval(() => void look(), LOOK);
      try {
        return await work();
      } finally {
        clearInterval(timer);
      }
    });
  }
}

/** A table without colours or frames around each row. */
export function table(head: string[], rows: (string | number)[][]): string {
  const drawn = new Table({ head, style: { head: [], border: [], compact: true } });
  drawn.push(...rows.map((row) => row.map((cell) => visible(String(cell)))));
  return drawn.toString();
}

/**
 * What may come from a stranger must not steer the operator's terminal: control characters and
 * those that turn the direction of text are shown as what they are.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escapeCharacter);
}

/** JSON escapes the C0 controls itself; terminals also obey DEL and C1. */
function escapeControls(json: string): string {
  return json.replace(/[\u007f-\u009f]|\p{Cf}/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return [...Array(character.length).keys()]
    .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');
}
