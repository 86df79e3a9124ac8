import { addToModule, callBeforeListen } from './edit-sources.js';
import { addDependencies, installTask, readManifest } from './manifest.js';
import { textOf, type Tree } from './tree.js';
import {
  accountController,
  COMPOSE_FILE,
  COMPOSE_FILES,
  environment,
  sessionOptions,
} from './files.js';

/** The part of Angular's `SchematicContext` that is used. */
interface Context {
  logger: { info(text: string): void; warn(text: string): void };
  addTask(task: { toConfiguration(): object }): unknown;
}

interface Options {
  /** Folder of `app.module.ts`. @default 'src' */
  sourceRoot?: string;
  /** Changes package.json, but doesn't install what it lists. */
  skipInstall?: boolean;
}

/**
 * The schematic of `nest add nest-session-ledger`: adds the module, an example controller, a compose
 * file and the environment to an application. What is there already is left as it is.
 */
export function nestAdd({ sourceRoot = 'src', skipInstall = false }: Options) {
  return (tree: Tree, context: Context): Tree => {
    const at = (file: string) => `/${sourceRoot}/${file}`;
    const extension = readManifest(tree).type === 'module' ? '.js' : '';
    editModule(tree, at('app.module.ts'), extension);
    createIfMissing(tree, at('session.options.ts'), sessionOptions);
    createIfMissing(tree, at('account/account.controller.ts'), accountController);
    editMain(tree, context, at('main.ts'));
    addServers(tree, context);
    for (const file of ['.env', '.env.example']) addVariables(tree, file);
    const changed = addDependencies(tree);
    if (changed && !skipInstall) context.addTask(installTask(tree));
    context.logger.info(NEXT_STEPS);
    return tree;
  };
}

function editModule(tree: Tree, path: string, extension: string): void {
  const text = textOf(tree, path);
  if (text === null) {
    throw new Error(
      `There is no ${path.slice(1)}. Run nest add in the folder of a Nest application; in a ` +
        'monorepo, name the application with --project.',
    );
  }
  if (/\bSessionModule\b/.test(text)) return;
  const edited = addToModule(
    text,
    { imports: 'SessionModule.forRoot(sessionOptions)', controllers: 'AccountController' },
    [
      "import { SessionModule } from 'nest-session-ledger';",
      `import { AccountController } from './account/account.controller${extension}';`,
      `import { sessionOptions } from './session.options${extension}';`,
    ],
  );
  if (edited === null) {
    throw new Error(
      `${path.slice(1)} has no @Module({ … }) whose imports and controllers are lists. Nothing was ` +
        'changed. Add SessionModule.forRoot({ redis, database }) to the imports by hand: see the README.',
    );
  }
  tree.overwrite(path, edited);
}

function editMain(tree: Tree, context: Context, path: string): void {
  const text = textOf(tree, path);
  if (text?.includes('enableShutdownHooks')) return;
  const edited = text === null ? null : callBeforeListen(text, 'enableShutdownHooks()');
  if (edited !== null) return tree.overwrite(path, edited);
  context.logger.warn(
    'Call app.enableShutdownHooks() where the application is created: at a SIGTERM, the module ' +
      'then records the events that are waiting.',
  );
}

function addServers(tree: Tree, context: Context): void {
  const found = COMPOSE_FILES.find((file) => tree.exists(`/${file}`));
  if (found === undefined) return tree.create('/docker-compose.yml', COMPOSE_FILE);
  context.logger.warn(
    `${found} was left as it is. Redis needs maxmemory-policy noeviction and an append-only file. ` +
      'Set REDIS_URL and DATABASE_URL in .env to your servers.',
  );
}

/** Appends what is missing. The password of the example is in `.env` only. */
function addVariables(tree: Tree, file: string): void {
  const path = `/${file}`;
  const text = textOf(tree, path) ?? '';
  const missing = Object.entries(environment(file === '.env')).filter(
    ([name]) => !new RegExp(`^\\s*(export\\s+)?${name}\\s*=`, 'm').test(text),
  );
  if (missing.length === 0) return;
  const added = missing.map(([name, value]) => `${name}=${value}\n`).join('');
  const content = `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${added}`;
  if (tree.exists(path)) tree.overwrite(path, content);
  else tree.create(path, content);
}

function createIfMissing(tree: Tree, path: string, content: string): void {
  if (!tree.exists(path)) tree.create(path, content);
}

const NEXT_STEPS = `
Next:
  docker compose up -d        starts Redis and Postgres, unless you set others in .env
  npx session-ledger migrate  creates the audit tables
  npm run start               starts the application

Sign in at /account/sign-in with any user and the EXAMPLE_PASSWORD of .env, then get /account.`;
