import { setTimeout as delay } from 'node:timers/promises';

import { HttpClient } from './http-client.js';
import { ADA, GRACE } from './use-demo.js';

/** How many sign in, minute by minute. */
const MINUTES = [3, 5, 2, 7, 4, 8, 6, 3];
const MINUTE = 60_000;

/** So that there is something in the pictures for the docs: people come, and some go again. */
export async function minutesOfLife(baseUrl: () => string): Promise<void> {
  const here: HttpClient[] = [];
  for (const [minute, people] of MINUTES.entries()) {
    for (let i = 0; i < people; i += 1) {
      const client = new HttpClient(baseUrl);
      await client.signIn((minute + i) % 3 === 0 ? GRACE : ADA);
      here.push(client);
      if (minute % 3 === 1 && i === 0) await client.send('DELETE', '/devices');
      if ((minute * i) % 5 > 1) await here.shift()?.send('POST', '/sign-out');
      await delay(MINUTE / people);
    }
  }
  for (const client of here.slice(2)) await client.send('POST', '/sign-out');
}
