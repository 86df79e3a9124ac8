import { describe, expect, it } from '@jest/globals';

import { useOperator } from './use-operator.js';

describe('session-ledger dead-letters and redrive', () => {
  const operator = useOperator();

  /** Signs in users and makes Postgres reject those named mallory. */
  async function createDeadLetters(...users: string[]): Promise<void> {
    await operator.client.query(
      `ALTER TABLE sessions ADD CONSTRAINT no_mallory CHECK (user_id NOT LIKE 'mallory%')`,
    );
    for (const userId of users) await operator.sessions.createSession({ userId });
    await operator.ledger('flush');
  }
  const fixCause = () => operator.client.query('ALTER TABLE sessions DROP CONSTRAINT no_mallory');

  it('exits with 0 if there are no dead letters', async () => {
    const { code, stdout } = await operator.ledger('dead-letters');

    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'There are no dead letters.\n',
    });
  });

  it('lists dead letters with the reason and exits with 1', async () => {
    await createDeadLetters('mallory', 'ann');

    const { code, stdout } = await operator.ledger('dead-letters');

    expect(code).toBe(1);
    expect(stdout).toMatch(/^1 +\d +\S+Z +23514 +.*no_mallory/m);
    expect(stdout).toContain('1 dead letter in total.');
  });

  it('prints every field with --json', async () => {
    await createDeadLetters('mallory');

    const { total, deadLetters, next } = JSON.parse(
      (await operator.ledger('dead-letters', '--json')).stdout,
    );

    expect({ total, next }).toEqual({ total: 1, next: null });
    expect(deadLetters).toEqual([expect.objectContaining({ id: '1', sqlState: '23514' })]);
    expect(Buffer.from(deadLetters[0].raw, 'base64').toString()).toContain('mallory');
  });

  it('lists dead letters page by page', async () => {
    await createDeadLetters('mallory1', 'mallory2', 'mallory3');
    const page = async (...args: string[]) =>
      JSON.parse((await operator.ledger('dead-letters', '--json', '--limit', '2', ...args)).stdout);

    const first = await page();
    const second = await page('--after', first.next);

    expect(first.deadLetters).toHaveLength(2);
    expect(second.deadLetters).toHaveLength(1);
    expect(second.next).toBeNull();
    expect((await operator.ledger('dead-letters', '--limit', '2')).stdout).toContain(
      `For more, add --after ${first.next}`,
    );
  });

  it('redrives dead letters once the cause is fixed', async () => {
    await createDeadLetters('mallory1', 'mallory2');
    await fixCause();

    const { code, stdout } = await operator.ledger('redrive');

    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'Recorded 2 dead letters, 0 rejected again.\n',
    });
    expect((await operator.ledger('dead-letters')).code).toBe(0);
    expect((await operator.ledger('verify')).code).toBe(0);
  });

  it('exits with 1 and shows the reason if Postgres rejects a dead letter again', async () => {
    await createDeadLetters('mallory');

    const { code, stdout } = await operator.ledger('redrive');

    expect(code).toBe(1);
    expect(stdout).toContain('Recorded 0 dead letters, 1 rejected again.');
    expect(stdout).toContain('no_mallory');
    const { refused } = JSON.parse((await operator.ledger('redrive', '--json')).stdout);
    expect(refused).toEqual([{ id: '1', reason: expect.stringContaining('no_mallory') }]);
  });

  it('escapes control characters in text and in JSON', async () => {
    await operator.client.query(
      `INSERT INTO session_dead_letters (chain, stream_id, raw, reason)
       VALUES (0, '1-1', '', E'\\x1b[2J\\u009b31m\\u202eevil\\r\\nno problems')`,
    );

    const { stdout } = await operator.ledger('dead-letters');
    const json = (await operator.ledger('dead-letters', '--json')).stdout;

    for (const text of [stdout, json]) {
      expect(text).not.toMatch(/[\x1b\x9b\r\u202e]/);
    }
    expect(stdout).toContain('\\u001b[2J\\u009b31m\\u202eevil\\u000d\\u000ano problems');
    expect(JSON.parse(json).deadLetters[0].reason).toBe(
      '\x1b[2J\u009b31m\u202eevil\r\nno problems',
    );
  });
});
