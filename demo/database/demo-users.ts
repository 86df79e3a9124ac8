import type { DataSource } from 'typeorm';

import { hashPassword, isPassword } from '../users/password.js';
import { User, type Role } from '../users/user.js';

/** Who can sign in to the demo at its first start. */
const PEOPLE: { email: string; name: string; role: Role; password: string }[] = [
  { email: 'ada@example.com', name: 'Ada', role: 'user', password: 'analytical engine' },
  { email: 'grace@example.com', name: 'Grace', role: 'user', password: 'first compiler 1952' },
  { email: 'admin@example.com', name: 'Admin', role: 'admin', password: 'keeper of the ledger' },
];

/** A user to be told of. */
export interface KnownUser {
  email: string;
  role: Role;
  /** Null where somebody has changed it. */
  password: string | null;
}

/** Adds those who are missing, and says how everybody can sign in now. */
export async function seedUsers(dataSource: DataSource): Promise<KnownUser[]> {
  const users = dataSource.getRepository(User);
  const known: KnownUser[] = [];
  for (const { password, ...person } of PEOPLE) {
    const { email, role } = person;
    const select = { id: true, passwordHash: true };
    const found = await users.findOne({ where: { email }, select });
    if (!found) await users.insert({ ...person, passwordHash: await hashPassword(password) });
    const stillIs = !found || (await isPassword(password, found.passwordHash));
    known.push({ email, role, password: stillIs ? password : null });
  }
  return known;
}
