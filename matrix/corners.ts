/** Versions that are installed together. */
export interface Versions {
  name: string;
  packages: Record<string, string>;
  /** npm's `overrides`, if a peer's own ranges don't allow the set. */
  overrides?: Record<string, unknown>;
}

/** One application: a version of Nest, a module system and versions of the other peers. */
export interface Corner {
  name: string;
  type: 'module' | 'commonjs';
  packages: Record<string, string>;
  overrides?: Record<string, unknown>;
}

const nest = (common: string, express: string) => ({
  '@nestjs/common': common,
  '@nestjs/core': common,
  '@nestjs/platform-express': express,
});

const NEST = {
  11: { oldest: nest('11.0.0', '11.0.0'), newest: nest('11.2.10', '11.2.10') },
  12: { oldest: nest('12.0.1', '12.0.1'), newest: nest('12.5.1', '12.5.1') },
};

/** What every application needs beside the package's peers. */
const COMMON = { 'reflect-metadata': '0.2.2', rxjs: '7.8.2' };

const OLDEST: Versions = {
  name: 'oldest',
  packages: { typeorm: '0.3.20', bullmq: '5.72.0', ioredis: '5.9.0', pg: '8.11.0' },
};
const NEWEST: Versions = {
  name: 'newest',
  packages: { typeorm: '1.1.1', bullmq: '6.7.0', ioredis: '5.11.1', pg: '8.23.1' },
};
/** What an application has that was made in the year before Nest 12. */
const USUAL: Versions = {
  name: 'TypeORM 0.3, BullMQ 5',
  packages: { typeorm: '0.3.31', bullmq: '5.81.5', ioredis: '5.11.1', pg: '8.23.1' },
};
/** TypeORM allows ioredis 5 only, although it uses it for its cache alone. */
const withIoredis6 = ({ name, packages }: Versions): Versions => ({
  name: `${name}, ioredis 6`,
  packages: { ...packages, ioredis: '6.0.0' },
  overrides: { typeorm: { ioredis: '$ioredis' } },
});

/** Nest's declarations need this much; see docs/compatibility.md. */
const TYPESCRIPT = {
  11: { oldest: '5.7.3', newest: '6.0.3' },
  12: { oldest: '5.9.3', newest: '6.0.3' },
};

const TYPES = ['module', 'commonjs'] as const;
const MAJORS = [11, 12] as const;

function corner(
  major: 11 | 12,
  age: 'oldest' | 'newest',
  type: Corner['type'],
  { name, packages, overrides }: Versions,
): Corner {
  return {
    name: `Nest ${major}, ${type === 'module' ? 'ES modules' : 'CommonJS'}, ${name}`,
    type,
    packages: {
      ...COMMON,
      ...NEST[major][age],
      ...packages,
      '@types/node': '20.19.43',
      typescript: TYPESCRIPT[major][age],
    },
    overrides,
  };
}

/** The two corners that `npm test` tries: they are as far apart as corners can be. */
export const CORE_CORNERS: Corner[] = [
  corner(11, 'oldest', 'commonjs', OLDEST),
  corner(12, 'newest', 'module', NEWEST),
];

export const CORNERS: Corner[] = [
  ...MAJORS.flatMap((major) =>
    TYPES.flatMap((type) => [
      corner(major, 'oldest', type, OLDEST),
      corner(major, 'newest', type, NEWEST),
    ]),
  ),
  ...TYPES.map((type) => corner(11, 'newest', type, USUAL)),
  corner(11, 'newest', 'commonjs', withIoredis6(USUAL)),
  corner(12, 'newest', 'module', withIoredis6(NEWEST)),
];

export function cornerNamed(name: string): Corner {
  const found = CORNERS.find((each) => each.name === name);
  if (!found) throw new Error(`There is no corner '${name}'.`);
  return found;
}
