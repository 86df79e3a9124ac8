import { ApiProperty } from '@nestjs/swagger';
import type { DataSource } from 'typeorm';

import { hashPassword, isPassword } from '../users/password.js';
import { User, type Role } from '../users/user.js';
import { loadPasswords } from './password-file.js';

const ACCOUNTS: { email: string; name: string; role: Role }[] = [
  { email: 'ada@example.com', name: 'Ada', role: 'user' },
  { email: 'grace@example.com', name: 'Grace', role: 'user' },
  { email: 'admin@example.com', name: 'Admin', role: 'admin' },
];

/** An account that the demo created, with its password. */
export class DemoAccount {
  @ApiProperty({ example: 'ada@example.com' })
  email!: string;

  @ApiProperty({ example: 'Ada' })
  name!: string;

  @ApiProperty({ enum: ['user', 'admin'] })
  role!: Role;

  /** Null if it was changed, or set by another installation that uses the same database. */
  @ApiProperty({ type: String, example: 'k3v9-x2mf-8qhd-p7rw' })
  password!: string | null;
}

/**
 * Creates the missing accounts and returns all of them. It never changes an existing account: in a
 * database that the demo was given, admin@example.com may be a real one.
 */
export async function seedDemoAccounts(dataSource: DataSource): Promise<DemoAccount[]> {
  const passwords = await loadPasswords(ACCOUNTS.map(({ email }) => email));
  const users = dataSource.getRepository(User);
  const accounts: DemoAccount[] = [];
  for (const account of ACCOUNTS) {
    const password = passwords[account.email]!;
    const where = { email: account.email };
    const existing = await users.findOne({ where, select: { id: true, passwordHash: true } });
    if (!existing) await users.insert({ ...account, passwordHash: await hashPassword(password) });
    const isKnown = !existing || (await isPassword(password, existing.passwordHash));
    accounts.push({ ...account, password: isKnown ? password : null });
  }
  return accounts;
}
