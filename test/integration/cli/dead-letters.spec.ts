import { describe, expect, it } from '@jest/globals';

import { useOperator } from './use-operator.js';

describe('dead letters', () => {
  const operator = useOperator();

  /** Signs in users of whom Postgres refuses to know, and gives the cause. */
  async function bury(...users: string[]): Promise<void> {
    await operator.client.query(
      `ALTER TABLE sessions ADD CONSTRAINT no_mallory CHECK (user_id NOT LIKE 'mallory%')`,
    );
    for (const userId of users) await operator.sessions.createSession({ userId });
    await operator.ledger('flush');
  }
  const removeCause = () =>
    operator.client.query('ALTER TABLE sessions DROP CONSTRAINT no_mallory');

  it('ends with 0 where there are none', async () => {
    const { code, stdout } = await operator.ledger('dead-letters');

    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'No dead letters: every event could be recorded.\n',
    });
  });

  it('lists them with the reason, and ends with 1', async () => {
    await bury('mallory', 'ann');

    const { code, stdout } = await operator.ledger('dead-letters');

    expect(code).toBe(1);
    expect(stdout).toMatch(/│ 1 +│ \d +│ \S+Z │ 23514 +│ .*no_mallory/);
    expect(stdout).toContain('1 events could not be recorded.');
  });

  it('gives programs all there is about them', async () => {
    await bury('mallory');

    const { waiting, deadLetters, next } = JSON.parse(
      (await operator.ledger('dead-letters', '--json')).stdout,
    );

    expect({ waiting, next }).toEqual({ waiting: 1, next: null });
    expect(deadLetters).toEqual([expect.objectContaining({ id: '1', sqlState: '23514' })]);
    expect(Buffer.from(deadLetters[0].raw, 'base64').toString()).toContain('mallory');
  });

  it('lists them page by page', async () => {
    await bury('mallory1', 'mallory2', 'mallory3');
    const page = async (...args: string[]) =>
      JSON.parse((await operator.ledger('dead-letters', '--json', '--limit', '2', ...args)).stdout);

    const first = await page();
    const second = await page('--after', first.next);

    expect(first.deadLetters).toHaveLength(2);
    expect(second.deadLetters).toHaveLength(1);
    expect(second.next).toBeNull();
    expect((await operator.ledger('dead-letters', '--limit', '2')).stdout).toContain(
      `More: --after ${first.next}`,
    );
  });

  it('redrives them once the cause is gone', async () => {
    await bury('mallory1', 'mallory2');
    await removeCause();

    const { code, stdout } = await operator.ledger('redrive');

    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: '2 dead letters recorded, 0 refused again.\n',
    });
    expect((await operator.ledger('dead-letters')).code).toBe(0);
    expect((await operator.ledger('verify')).code).toBe(0);
  });

  it('ends with 1 where they are refused again, and says why', async () => {
    await bury('mallory');

    const { code, stdout } = await operator.ledger('redrive');

    expect(code).toBe(1);
    expect(stdout).toContain('0 dead letters recorded, 1 refused again.');
    expect(stdout).toContain('no_mallory');
    const { refused } = JSON.parse((await operator.ledger('redrive', '--json')).stdout);
    expect(refused).toEqual([{ id: '1', reason: expect.stringContaining('no_mallory') }]);
  });

  it('never lets a stranger steer the terminal', async () => {
    await operator.client.query(
      `INSERT INTO session_dead_letters (chain, stream_id, raw, reason)
       VALUES (0, '1-1', '', E'\\x1b[2J\\u009b31m\\u202eevil\\r\\nall is well')`,
    );

    const { stdout } = await operator.ledger('dead-letters');
    const json = (await operator.ledger('dead-letters', '--json')).stdout;

    for (const text of [stdout, json]) {
      expect(text).not.toMatch(/[\x1b\x9b\r\u202e]/);
    }
    expect(stdout).toContain('\\u001b[2J\\u009b31m\\u202eevil\\u000d\\u000aall is well');
    expect(JSON.parse(json).deadLetters[0].reason).toBe(
      '\x1b[2J\u009b31m\u202eevil\r\nall is well',
    );
  });
});
