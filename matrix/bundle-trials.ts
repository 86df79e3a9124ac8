import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { compile } from './corner-trial.js';
import { cornerNamed, type Corner } from './corners.js';
import { npmInstall } from './packed.js';
import { runTool } from './run-tool.js';
import { runApplication, type Site, type Trial } from './trial.js';

/** Packages that Nest and this package load only if they are there. */
const OPTIONAL = [
  '@nestjs/microservices',
  '@nestjs/websockets',
  'class-transformer',
  'class-validator',
];

const installs = ({ folder }: Site) => npmInstall(folder);

/** Everything in one file, which runs in a folder without `node_modules`. */
function esbuild(corner: Corner): Trial {
  const format = corner.type === 'module' ? 'esm' : 'cjs';
  const file = format === 'esm' ? 'bundle.mjs' : 'bundle.cjs';
  const external = OPTIONAL.flatMap((name) => [`--external:${name}`, `--external:${name}/*`]);
  const options = ['--bundle', '--platform=node', `--format=${format}`, `--outfile=${file}`];
  const banner = format === 'esm' ? [`--banner:js=${REQUIRE}`] : [];
  return {
    name: `esbuild, all in one file (${corner.name})`,
    corner: withTools(corner, { esbuild: '0.28.2' }),
    steps: {
      installs,
      async builds({ folder }) {
        // esbuild writes no metadata for decorators, so TypeScript comes first.
        await compile(folder);
        const main = join('out', 'main.js');
        await runTool('npx', ['esbuild', main, ...options, ...external, ...banner], folder);
      },
      runs: runsAlone(file),
    },
  };
}

/** CommonJS packages in an ES module need these; esbuild doesn't provide them. */
const REQUIRE = `
import { createRequire as createBundleRequire } from 'node:module';
const require = createBundleRequire(import.meta.url);
const __filename = import.meta.filename;
const __dirname = import.meta.dirname;
`.replaceAll('\n', ' ');

/** The bundler or compiler that `nest build` uses, with its default settings. */
function nestBuild(
  builder: 'swc' | 'webpack' | 'rspack',
  corner: Corner,
  tools: Record<string, string>,
): Trial {
  return {
    name: `nest build, ${builder} (${corner.name})`,
    corner: withTools(corner, tools),
    steps: {
      installs,
      builds: ({ folder }) => buildByNest(folder, { builder }),
      runs: (site) => runApplication(site, ['node', builtMain(site.folder)]),
    },
  };
}

/** swc of Nest 11's command line keeps the folder `src`. */
function builtMain(folder: string): string {
  const files = [join('dist', 'main.js'), join('dist', 'src', 'main.js')];
  return files.find((file) => existsSync(join(folder, file))) ?? files[0]!;
}

/** The same, but with all packages in the file: Nest's own recipe for serverless platforms. */
function webpackAll(corner: Corner, tools: Record<string, string>): Trial {
  return {
    name: `nest build, webpack, all in one file (${corner.name})`,
    corner: withTools(corner, tools),
    steps: {
      installs,
      async builds({ folder }) {
        writeFileSync(join(folder, 'webpack.config.js'), WEBPACK_CONFIG);
        await buildByNest(folder, { builder: 'webpack', webpackConfigPath: 'webpack.config.js' });
      },
      runs: runsAlone(join('dist', 'main.js')),
    },
  };
}

const WEBPACK_CONFIG = `
const { IgnorePlugin } = require('webpack');
const optional = ${JSON.stringify(OPTIONAL)};
const isOptional = (name) => optional.some((each) => name === each || name.startsWith(each + '/'));
module.exports = (options) => ({
  ...options,
  externals: [],
  plugins: [...options.plugins, new IgnorePlugin({ checkResource: isOptional })],
});
`;

async function buildByNest(folder: string, compilerOptions: object): Promise<void> {
  const source = join(folder, 'src');
  mkdirSync(source);
  cpSync(join(folder, 'main.ts'), join(source, 'main.ts'));
  const outDir = { outDir: 'dist', rootDir: 'src', declaration: false };
  const tsconfig = { extends: './tsconfig.json', compilerOptions: outDir, include: ['src'] };
  writeFileSync(join(folder, 'tsconfig.nest.json'), JSON.stringify(tsconfig));
  const options = { tsConfigPath: 'tsconfig.nest.json', ...compilerOptions };
  const config = { sourceRoot: 'src', compilerOptions: options };
  writeFileSync(join(folder, 'nest-cli.json'), JSON.stringify(config));
  await runTool('npx', ['nest', 'build'], folder);
}

/** Runs a bundle in a folder of its own, in which Node finds no packages. */
function runsAlone(file: string): (site: Site) => Promise<void> {
  return async (site) => {
    const alone = mkdtempSync(join(tmpdir(), 'nest-session-ledger-bundle-'));
    try {
      cpSync(join(site.folder, file), join(alone, file));
      await runApplication(site, ['node', file], alone);
    } finally {
      rmSync(alone, { recursive: true, force: true });
    }
  };
}

function withTools(corner: Corner, tools: Record<string, string>): Corner {
  return { ...corner, packages: { ...corner.packages, ...tools } };
}

const nest11 = cornerNamed('Nest 11, CommonJS, TypeORM 0.3, BullMQ 5');
const nest12 = cornerNamed('Nest 12, ES modules, newest');

const SWC = { '@swc/cli': '0.8.1', '@swc/core': '1.16.22' };
const NEST_CLI_11 = { '@nestjs/cli': '11.0.24' };
const NEST_CLI_12 = { '@nestjs/cli': '12.0.8' };
const TS_LOADER = { 'ts-loader': '9.6.2' };
const RSPACK = {
  '@rspack/core': '2.3.3',
  'tsconfig-paths-webpack-plugin': '4.2.0',
  'webpack-node-externals': '3.0.0',
};

/** Bundlers and compilers. */
export const BUNDLE_TRIALS: Trial[] = [
  nestBuild('swc', nest11, { ...NEST_CLI_11, ...SWC }),
  nestBuild('swc', nest12, { ...NEST_CLI_12, ...SWC }),
  nestBuild('webpack', nest11, { ...NEST_CLI_11, ...TS_LOADER }),
  webpackAll(nest11, { ...NEST_CLI_11, ...TS_LOADER }),
  nestBuild('rspack', nest12, { ...NEST_CLI_12, ...RSPACK }),
  esbuild(nest11),
  esbuild(nest12),
];
