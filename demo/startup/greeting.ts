import { join } from 'node:path';

import { onPath } from '../../dev/on-path.js';
import type { DemoAccount } from '../demo-accounts/demo-accounts.js';
import { addressOf, DATA_FOLDER, type Environment } from './environment.js';
import type { Servers } from './servers.js';

/** The text printed once the demo runs. Each command is on one line, ready to be pasted. */
export function greeting(
  environment: Environment,
  servers: Servers,
  accounts: readonly DemoAccount[],
): string {
  const address = addressOf(environment);
  return `
The demo is running at ${address}   (API: ${address}/api)

Accounts:
${accounts.map(accountLine).join('\n')}${resetHint(servers, accounts)}

In the browser, sign in twice with the same account, the second time in a private window, and sign
out one device from the other. Then sign in as admin@example.com to watch the ledger:
${address}/admin

In another terminal, in this folder${servers.isPrivateDatabase ? '' : ' and with the same DATABASE_URL'}:
${commands(address, servers, accounts).map(commandLines).join('\n')}

Press Ctrl-C to stop.
`;
}

function accountLine({ email, password, role }: DemoAccount): string {
  const shown = password ?? '(unknown; it was changed or set elsewhere)';
  return `  ${email.padEnd(20)}${shown}${role === 'admin' ? '   (administrator)' : ''}`;
}

function resetHint(servers: Servers, accounts: readonly DemoAccount[]): string {
  const isNeeded = servers.isPrivateDatabase && accounts.some(({ password }) => !password);
  return isNeeded ? `\n\nTo reset the accounts, stop the demo and delete ${DATA_FOLDER}.` : '';
}

interface Command {
  title: string;
  line: string;
}

function commands(address: string, servers: Servers, accounts: readonly DemoAccount[]): Command[] {
  // If every password was changed, the printed sign-in fails with 401, as it should.
  const { email, password } = accounts.find((account) => account.password) ?? accounts[0]!;
  const jar = join(DATA_FOLDER, 'cookies.txt');
  const credentials = JSON.stringify({ email, password });
  return [
    {
      title: 'sign in',
      line: `curl -sS -c ${jar} -H 'content-type: application/json' -d '${credentials}' ${address}/sign-in`,
    },
    { title: 'list your devices', line: `curl -sS -b ${jar} ${address}/devices` },
    { title: 'sign out', line: `curl -sS -b ${jar} -X POST ${address}/sign-out` },
    { title: 'use the ended session: 401', line: `curl -sS -b ${jar} ${address}/me` },
    { title: 'read the ledger', line: queryCommand(servers, NEWEST_EVENTS) },
    { title: 'verify the ledger', line: verifyCommand(servers) },
  ];
}

const NEWEST_EVENTS =
  'SELECT occurred_at, event, user_id, reason, actor FROM session_events ORDER BY occurred_at DESC LIMIT 5';

/** Uses psql if it is installed, otherwise Node. */
function queryCommand({ isPrivateDatabase, databaseUrl }: Servers, statement: string): string {
  const url = isPrivateDatabase ? databaseUrl : '"$DATABASE_URL"';
  return onPath('psql')
    ? `psql ${url} -c "${statement}"`
    : `node build/demo/startup/sql.js ${url} "${statement}"`;
}

function verifyCommand({ isPrivateDatabase, databaseUrl }: Servers): string {
  const url = isPrivateDatabase ? `DATABASE_URL=${databaseUrl} ` : '';
  return `${url}npm run --silent ledger -- verify`;
}

function commandLines({ title, line }: Command): string {
  return `\n  # ${title}\n  ${line}`;
}
