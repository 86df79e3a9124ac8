import { spawnSync } from 'node:child_process';
import { debianRedis, type RedisBinary } from './debian-redis.js';
import { onPath } from './on-path.js';

let found: Promise<RedisBinary> | undefined;

/** A Redis or Valkey server, 7.0 or newer: the installed one, or else Debian's package, unpacked. */
export function redisBinary(): Promise<RedisBinary> {
  found ??= findBinary();
  return found;
}

async function findBinary(): Promise<RedisBinary> {
  const installed = ['redis-server', 'valkey-server'].flatMap((name) => onPath(name) ?? []);
  const binary = installed.map((file) => ({ file, env: process.env })).find(isNewEnough);
  if (binary) return binary;
  if (!onPath('apt-get') || !onPath('dpkg-deb')) throw new Error(missing(installCommand()));
  const downloaded = await debianRedis();
  if (isNewEnough(downloaded)) return downloaded;
  throw new Error(missing("this system's package is older, see https://redis.io/downloads"));
}

function isNewEnough({ file, env }: RedisBinary): boolean {
  const { stdout } = spawnSync(file, ['--version'], { env, encoding: 'utf8' });
  return Number(/ v=(\d+)\./.exec(stdout ?? '')?.[1] ?? 0) >= 7;
}

function missing(how: string): string {
  return `Needed on PATH: redis-server or valkey-server, 7.0 or newer (${how}). Or set REDIS_URL.`;
}

function installCommand(): string {
  const commands = {
    brew: 'brew install redis',
    'apt-get': 'sudo apt-get install redis-server',
    dnf: 'sudo dnf install valkey',
    apk: 'sudo apk add valkey',
    pacman: 'sudo pacman -S valkey',
  };
  const known = Object.entries(commands).find(([tool]) => onPath(tool));
  return known?.[1] ?? 'see https://redis.io/downloads';
}
