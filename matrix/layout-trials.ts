import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { cornerNamed, type Corner } from './corners.js';
import { npmInstall } from './packed.js';
import { runTool } from './run-tool.js';
import { runApplication, type Site, type Trial } from './trial.js';

// In these layouts a package finds only what its own package.json lists.

interface Manager {
  name: string;
  packages: Record<string, string>;
  /** Its program, in the folder of these packages. */
  program: string;
  prepare?(folder: string): void;
  /** The arguments with which it runs a program of an installed package. */
  run: string;
  /** Whether Node finds packages only through it. */
  runsNode: boolean;
}

const pnpm: Manager = {
  name: 'pnpm',
  packages: { pnpm: '10.34.9' },
  program: join('pnpm', 'bin', 'pnpm.cjs'),
  run: 'exec',
  runsNode: false,
};

const plugAndPlay: Manager = {
  name: "yarn, Plug'n'Play",
  packages: { '@yarnpkg/cli-dist': '4.18.1' },
  program: join('@yarnpkg', 'cli-dist', 'bin', 'yarn.js'),
  prepare(folder) {
    const settings = ['nodeLinker: pnp', 'enableScripts: false', 'enableTelemetry: false', ''];
    writeFileSync(join(folder, '.yarnrc.yml'), settings.join('\n'));
    writeFileSync(join(folder, 'yarn.lock'), ''); // makes the folder a project of its own
  },
  run: 'run',
  runsNode: true,
};

function trial(manager: Manager, corner: Corner): Trial {
  const program = join('tools', 'node_modules', manager.program);
  const call = ({ folder, env }: Site, ...args: string[]) =>
    runTool('node', [program, ...args], folder, env);
  const node = manager.runsNode ? ['node', program, 'node'] : ['node'];
  return {
    name: `${manager.name} (${corner.name})`,
    corner,
    steps: {
      async installs(site) {
        await installManager(site.folder, manager);
        await call(site, 'install', ...(manager.runsNode ? [] : ['--ignore-scripts']));
      },
      async compiles(site) {
        await call(site, manager.run, 'tsc', '--skipLibCheck', String(skipLibCheck(corner)));
      },
      runs: (site) => runApplication(site, [...node, join('out', 'main.js')]),
      async verifies(site) {
        await call(site, manager.run, 'session-ledger', 'verify');
      },
    },
  };
}

/** Nest 12's own declarations import a package that its package.json doesn't list. */
function skipLibCheck({ packages }: Corner): boolean {
  return packages['@nestjs/core']!.startsWith('12');
}

async function installManager(folder: string, { packages, prepare }: Manager): Promise<void> {
  const tools = join(folder, 'tools');
  mkdirSync(tools);
  const content = JSON.stringify({ private: true, dependencies: packages });
  writeFileSync(join(tools, 'package.json'), content);
  await npmInstall(tools);
  prepare?.(folder);
}

const CORNERS = [
  cornerNamed('Nest 11, CommonJS, TypeORM 0.3, BullMQ 5'),
  cornerNamed('Nest 12, ES modules, newest'),
];

export const LAYOUT_TRIALS: Trial[] = [pnpm, plugAndPlay].flatMap((manager) =>
  CORNERS.map((corner) => trial(manager, corner)),
);
