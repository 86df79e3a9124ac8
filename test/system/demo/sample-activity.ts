import { setTimeout as delay } from 'node:timers/promises';

import { HttpClient } from './http-client.js';
import { ADA, GRACE } from './use-demo.js';

/** Sign-ins, minute by minute. */
const SIGN_INS = [3, 5, 2, 7, 4, 8, 6, 3];
const MINUTE = 60_000;

/** Signs in and out for some minutes, so that the screenshots for the docs show a busy ledger. */
export async function createSampleActivity(baseUrl: () => string): Promise<void> {
  const signedIn: HttpClient[] = [];
  for (const [minute, count] of SIGN_INS.entries()) {
    for (let i = 0; i < count; i += 1) {
      const client = new HttpClient(baseUrl);
      await client.signIn((minute + i) % 3 === 0 ? GRACE : ADA);
      signedIn.push(client);
      if (minute % 3 === 1 && i === 0) await client.send('DELETE', '/devices');
      if ((minute * i) % 5 > 1) await signedIn.shift()?.send('POST', '/sign-out');
      await delay(MINUTE / count);
    }
  }
  for (const client of signedIn.slice(2)) await client.send('POST', '/sign-out');
}
