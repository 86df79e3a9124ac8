import { readFileSync } from 'node:fs';

import { UsageError } from './failure.js';

/** The options of the module that a file can hold, and the variables that mean the same. */
const VARIABLES: Record<string, string> = {
  schema: 'LEDGER_SCHEMA',
  'userId.type': 'USER_ID_TYPE',
  'userId.references.table': 'USERS_TABLE',
  'userId.references.column': 'USERS_COLUMN',
  prefix: 'SESSION_PREFIX',
  buckets: 'SESSION_BUCKETS',
};

/**
 * Reads the file of `--config` as environment variables. Their values are checked with the others.
 *
 * @throws UsageError if the file is not a JSON object with these options
 */
export function readConfig(file: string | undefined): NodeJS.ProcessEnv {
  if (file === undefined) return {};
  return Object.fromEntries(
    leaves(parsed(file)).map(([option, value]) => {
      const variable = VARIABLES[option];
      if (variable !== undefined && isPlain(value)) return [variable, String(value)];
      const known = Object.keys(VARIABLES).join(', ');
      throw new UsageError(
        `${file}: ${option} is ${JSON.stringify(value)}; use only ${known}, with a text or number.`,
      );
    }),
  );
}

function parsed(file: string): object {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (isObject(content)) return content;
  } catch (error) {
    throw new UsageError(`--config is ${JSON.stringify(file)}: ${(error as Error).message}.`);
  }
  throw new UsageError(`--config is ${JSON.stringify(file)}; its content must be a JSON object.`);
}

/** `{ userId: { type: 'uuid' } }` has the leaf `['userId.type', 'uuid']`. */
function leaves(value: object, path = ''): [option: string, value: unknown][] {
  return Object.entries(value).flatMap(([name, each]) =>
    isObject(each) ? leaves(each, `${path}${name}.`) : [[`${path}${name}`, each]],
  );
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
