import { serveCalls, type Methods } from '../../dev/child-calls.js';
import type { Open, ServerUrls } from './contender.js';

// Runs one contender. `spawn()` starts it as `contender-process.js NAME SERVERS-AS-JSON`.
type AnyMethods = Methods<Record<string, () => Promise<unknown>>>;
const [name, servers] = process.argv.slice(2) as [string, string];
const { open } = (await import(`../contenders/${name}.js`)) as { open: Open<AnyMethods> };
serveCalls(await open(JSON.parse(servers) as ServerUrls));
