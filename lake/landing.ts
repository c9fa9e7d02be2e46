/** Landing: raw bytes as the vendor gave them, each under its batch's name, written once and never changed. */
import { IngestError } from '../errors/ingest-error.ts';
import { openDirectoryLanding } from './landing-directory.ts';
import { openS3Landing } from './landing-s3.ts';
import type { S3Access } from './s3-access.ts';

export interface Landing {
  exists(key: string): Promise<boolean>;
  /**
   * Puts the file's bytes under `key` unless something lies there already; then that stays.
   * @throws IngestError `landing.unavailable`
   */
  putIfAbsent(key: string, filePath: string): Promise<'stored' | 'exists'>;
  /** @throws IngestError `landing.missing`, `landing.unavailable`, the latter also while it is read */
  open(key: string): Promise<AsyncIterable<Uint8Array>>;
  close(): void;
}

/**
 * `file:///path` or `s3://bucket/prefix`. Refuses a store that would overwrite: with two writers of one batch the loser's bytes must not
 * replace those that were loaded.
 * @throws IngestError `config.environment`, `landing.unsafe`, `landing.unavailable`
 */
export async function openLanding(url: string, s3: S3Access): Promise<Landing> {
  const landing = await openStore(url, s3);
  return { ...landing, open: async (key) => castWhileReading(key, await landing.open(key)) };
}

function openStore(url: string, s3: S3Access): Promise<Landing> {
  if (url.startsWith('s3://')) return openS3Landing(new URL(url), s3);
  if (url.startsWith('file://')) return openDirectoryLanding(decodeURIComponent(new URL(url).pathname));
  if (url.startsWith('/') || url.startsWith('.')) return openDirectoryLanding(url);
  throw new IngestError('config.environment', 'LANDING_URL: must be file:///path or s3://bucket/prefix');
}

/** A connection that breaks in the midst of reading is an outage as one that cannot be made. */
async function* castWhileReading(key: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw new IngestError('landing.unavailable', `landing: ${key} could not be read to its end`, { cause: error });
  }
}
