/** Landing in a local directory. */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, copyFile, link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { IngestError } from '../errors/ingest-error.ts';
import type { Landing } from './landing.ts';

export async function openDirectoryLanding(root: string): Promise<Landing> {
  await mkdir(root, { recursive: true }).catch(unavailable(root));
  const pathOf = (key: string) => {
    const path = resolve(root, key);
    if (!path.startsWith(resolve(root) + sep)) throw new Error(`landing key leaves the landing directory: ${key}`);
    return path;
  };
  return {
    async exists(key) {
      return access(pathOf(key)).then(
        () => true,
        () => false,
      );
    },
    async putIfAbsent(key, filePath) {
      const target = pathOf(key);
      const temporary = `${target}.${randomUUID()}.tmp`;
      try {
        await mkdir(dirname(target), { recursive: true });
        await copyFile(filePath, temporary);
        await syncToDisk(temporary);
        // A hard link is the one file operation that creates the whole file or fails: rename would overwrite.
        await link(temporary, target);
        return 'stored';
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return 'exists';
        return unavailable(root)(error);
      } finally {
        await rm(temporary, { force: true });
      }
    },
    async open(key) {
      const path = pathOf(key);
      await access(path).catch((error: unknown) => {
        throw new IngestError('landing.missing', `landing: nothing under ${key}`, { cause: error });
      });
      return createReadStream(path);
    },
    close() {},
  };
}

async function syncToDisk(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function unavailable(root: string) {
  return (error: unknown): never => {
    throw new IngestError('landing.unavailable', `landing: cannot write below ${root}`, { cause: error });
  };
}
