import { execFile } from 'node:child_process';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { PrivateServer } from '../dev/index.js';

const run = promisify(execFile);

/** A copy of a server's data, which can replace them later. */
export class DataCopy {
  private constructor(
    private readonly data: string,
    private readonly copy: string,
  ) {}

  /**
   * Copies the append-only files of a running Redis: they begin with all that it had written when the
   * copy began. Tries again if Redis rewrote them meanwhile.
   */
  static async ofRedis({ folder }: PrivateServer): Promise<DataCopy> {
    const files = join(folder, 'data', 'appendonlydir');
    const manifest = join(files, 'appendonly.aof.manifest');
    for (;;) {
      const before = await readFile(manifest, 'utf8');
      const copy = await DataCopy.take(files, join(folder, 'earlier'));
      if ((await readFile(manifest, 'utf8').catch(() => '')) === before) return copy;
    }
  }

  /** Freezes Postgres while it copies the data, which are then those of a crash at one moment. */
  static async ofPostgres(postgres: PrivateServer): Promise<DataCopy> {
    postgres.pause();
    try {
      return await DataCopy.take(join(postgres.folder, 'data'), join(postgres.folder, 'earlier'));
    } finally {
      postgres.resume();
    }
  }

  private static async take(data: string, copy: string): Promise<DataCopy> {
    await rm(copy, { recursive: true, force: true });
    await run('cp', ['-a', data, copy]); // keeps the owner, who is not root
    return new DataCopy(data, copy);
  }

  /** Replaces the data of the server, which must not run. */
  async restore(): Promise<void> {
    await rm(this.data, { recursive: true });
    await rename(this.copy, this.data);
  }
}
