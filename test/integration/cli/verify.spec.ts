import { describe, expect, it } from '@jest/globals';

import { useOperator } from './use-operator.js';

describe('session-ledger verify', () => {
  const operator = useOperator();

  /** Creates and destroys five sessions of one user: ten rows in one chain. */
  async function recordTenRows(): Promise<number> {
    let handle = '';
    for (let i = 0; i < 5; i += 1) {
      const session = await operator.sessions.createSession({ userId: 'ann' });
      await operator.sessions.destroySession(session.id);
      ({ handle } = session);
    }
    await operator.audit.flush();
    return Number.parseInt(handle.slice(0, 2), 16);
  }

  async function change(chain: number, seq: number): Promise<void> {
    await operator.client.query(
      `SET session_replication_role = replica;
       UPDATE session_events SET user_id = 'mallory' WHERE chain = ${chain} AND seq = ${seq};
       RESET session_replication_role`,
    );
  }

  it('exits with 0 if the ledger is valid', async () => {
    await recordTenRows();

    const { code, stdout, stderr } = await operator.ledger('verify');

    expect(stdout).toBe('Verified 10 rows: none was changed, removed or inserted.\n');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('exits with 1 and names the row if the ledger is broken', async () => {
    const chain = await recordTenRows();
    await change(chain, 4);

    const { code, stdout } = await operator.ledger('verify');

    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${chain} +4 +hash +this row or the one before`, 'm'));
    expect(stdout).toContain('docs/sql.md');
  });

  it('prints one JSON document with --json', async () => {
    const chain = await recordTenRows();
    expect(JSON.parse((await operator.ledger('verify', '--json')).stdout)).toEqual({
      valid: true,
      rows: '10',
      breaks: [],
    });
    await change(chain, 4);

    const { code, stdout } = await operator.ledger('verify', '--json');

    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      valid: false,
      rows: '10',
      breaks: [{ chain, seq: '4', problem: 'hash' }],
    });
  });

  it('verifies one chain or a range of rows', async () => {
    const chain = await recordTenRows();
    await change(chain, 4);
    const verify = async (...range: string[]) => (await operator.ledger('verify', ...range)).code;

    expect(await verify('--chain', String(chain))).toBe(1);
    expect(await verify('--chain', String((chain + 1) % 4))).toBe(0);
    expect(await verify('--from', '5')).toBe(0);
    expect(await verify('--to', '3')).toBe(0);
    expect(await verify('--from', '4', '--to', '4')).toBe(1);
  });

  it('lists the first 50 breaks and counts the rest', async () => {
    const chain = await recordTenRows();
    await operator.client.query(
      `INSERT INTO session_events SELECT (jsonb_populate_record(e, jsonb_build_object('seq', -i))).*
       FROM session_events e, generate_series(1, 60) i WHERE chain = ${chain} AND seq = 1`,
    );

    const { stdout } = await operator.ledger('verify');

    expect(stdout).toMatch(/and \d+ more\. --json/);
    expect(stdout.split('\n').length).toBeLessThan(70);
    const { breaks } = JSON.parse((await operator.ledger('verify', '--json')).stdout);
    expect(breaks.length).toBeGreaterThan(50);
  });

  it('works without Redis', async () => {
    await recordTenRows();

    const { code } = await operator.ledgerWith({ REDIS_URL: undefined }, 'verify');

    expect(code).toBe(0);
  });

  it('shows progress if standard error is a terminal', async () => {
    await recordTenRows();

    const { code, stdout, stderr } = await operator.ledgerAtTerminal('verify');

    expect(code).toBe(0);
    expect(stderr).toContain('Verifying');
    expect(stderr).toContain('100%');
    expect(stdout).toBe('Verified 10 rows: none was changed, removed or inserted.\n');
  });
});
