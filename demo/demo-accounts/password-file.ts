import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { DATA_FOLDER } from '../startup/environment.js';

/** Passwords by email address. */
type Passwords = Record<string, string>;

const FILE = join(DATA_FOLDER, 'passwords.json');

/** Crockford's base32: 32 characters that are hard to confuse when typed on a phone. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Returns the passwords of the demo accounts. They are random for each installation, as fixed ones
 * would put an administrator with a published password into any database that the demo is given.
 * They are kept in a file because the database only has their hashes.
 */
export async function loadPasswords(emails: string[]): Promise<Passwords> {
  const stored = await readPasswords();
  const passwords = { ...stored };
  for (const email of emails) passwords[email] ??= randomPassword();
  if (emails.some((email) => !(email in stored))) {
    await writeFile(FILE, `${JSON.stringify(passwords, null, 2)}\n`, { mode: 0o600 });
  }
  return passwords;
}

async function readPasswords(): Promise<Passwords> {
  try {
    return JSON.parse(await readFile(FILE, 'utf8')) as Passwords;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** 80 random bits in groups of four, such as `k3v9-x2mf-8qhd-p7rw`. */
function randomPassword(): string {
  const characters = [...randomBytes(16)].map((byte) => ALPHABET[byte % ALPHABET.length]);
  return characters.join('').match(/.{4}/g)!.join('-');
}
