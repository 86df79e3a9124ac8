import { join } from 'node:path';

import { onPath } from '../../dev/on-path.js';
import type { KnownUser } from '../database/demo-users.js';
import { DATA_FOLDER } from './data-folder.js';
import { addressOf, type Environment } from './environment.js';
import type { Servers } from './servers.js';

/** What a newcomer reads. Each command is a line of its own, to be pasted as it is. */
export function greeting(
  environment: Environment,
  servers: Servers,
  users: readonly KnownUser[],
): string {
  const address = addressOf(environment);
  return `
The demo runs at ${address}   (API: ${address}/api)

Who can sign in:
${users.map(introduce).join('\n')}

In the browser: sign in, sign in once more in a private window, and end one device from the other.
Then watch the ledger as admin@example.com: ${address}/admin

In another terminal, in this folder${servers.isPrivateDatabase ? '' : ' and with DATABASE_URL set as here'}:
${commands(address, servers, users).map(show).join('\n')}

Ctrl-C stops everything.
`;
}

interface Command {
  what: string;
  line: string;
}

function commands(address: string, servers: Servers, users: readonly KnownUser[]): Command[] {
  // Whose password is still known; the last resort would be refused, as it should.
  const { email, password } = users.find((user) => user.password !== null) ?? users[0]!;
  const jar = join(DATA_FOLDER, 'cookies.txt');
  const credentials = JSON.stringify({ email, password });
  return [
    {
      what: 'sign in',
      line: `curl -sS -c ${jar} -H 'content-type: application/json' -d '${credentials}' ${address}/sign-in`,
    },
    { what: 'your devices', line: `curl -sS -b ${jar} ${address}/devices` },
    { what: 'sign out', line: `curl -sS -b ${jar} -X POST ${address}/sign-out` },
    { what: 'signed out: 401', line: `curl -sS -b ${jar} ${address}/me` },
    { what: 'the trail', line: sql(servers, TRAIL) },
    { what: 'whether anybody has touched it', line: verify(servers) },
  ];
}

const TRAIL =
  'SELECT occurred_at, event, user_id, reason, actor FROM session_events ORDER BY occurred_at DESC LIMIT 5';

/** By psql where there is one, else by Node. */
function sql({ isPrivateDatabase, databaseUrl }: Servers, statement: string): string {
  const url = isPrivateDatabase ? databaseUrl : '"$DATABASE_URL"';
  return onPath('psql')
    ? `psql ${url} -c "${statement}"`
    : `node build/demo/starting/sql.js ${url} "${statement}"`;
}

function verify({ isPrivateDatabase, databaseUrl }: Servers): string {
  const url = isPrivateDatabase ? `DATABASE_URL=${databaseUrl} ` : '';
  return `${url}npm run --silent ledger -- verify`;
}

function introduce({ email, password, role }: KnownUser): string {
  const how = password === null ? '(the password was changed)' : password;
  return `  ${email.padEnd(20)}${how}${role === 'admin' ? '   (administrator)' : ''}`;
}

function show({ what, line }: Command): string {
  return `\n  # ${what}\n  ${line}`;
}
