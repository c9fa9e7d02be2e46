/** Files of batches that were never committed. Only those in the directories of the lake's own tables: others may lie below the same path. */
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { DuckDBConnection } from '@duckdb/node-api';
import { metadataCatalog } from './catalog.ts';
import type { LakeSettings } from './connection.ts';
import { isRemote, tableDirectory } from './data-path.ts';
import { createS3Client } from './s3-access.ts';
import { lakeTables } from './schema.ts';

/** Removes those that are older than so many seconds; gives their number. */
export async function removeLeftovers(
  connection: DuckDBConnection,
  settings: Pick<LakeSettings, 'dataPath' | 's3'>,
  seconds: number,
): Promise<number> {
  const found = await connection.runAndReadAll(`
    SELECT path FROM ducklake_delete_orphaned_files('lake', dry_run => true, older_than => now() - INTERVAL '${seconds} seconds')
    WHERE parse_filename(path) NOT IN (SELECT parse_filename(path) FROM (${catalogedPaths}))`);
  const { dataPath } = settings;
  const own = lakeTables.map(({ name }) => tableDirectory(dataPath, name));
  const leftovers = found
    .getRows()
    .map(([path]) => (isRemote(dataPath) ? String(path) : resolve(String(path))))
    .filter((path) => own.some((directory) => path.startsWith(directory)));
  if (isRemote(dataPath)) await deleteObjects(leftovers, settings);
  else for (const path of leftovers) rmSync(path, { force: true });
  return leftovers.length;
}

/**
 * DuckLake compares whole paths, and lists those of a directory in another spelling than its catalog's where `LAKE_DATA` has `//`, so that every file of
 * the lake is a leftover to it. Names of files have an id each, and one spelling.
 */
const catalogedPaths = ['ducklake_data_file', 'ducklake_delete_file', 'ducklake_files_scheduled_for_deletion']
  .map((table) => `SELECT path FROM ${metadataCatalog}.${table}`)
  .join(' UNION ALL ');

async function deleteObjects(urls: readonly string[], { s3 }: Pick<LakeSettings, 's3'>): Promise<void> {
  if (s3 === undefined || urls.length === 0) return;
  const client = createS3Client(s3);
  try {
    for (const url of urls) {
      const [, bucket, key] = /^s3:\/\/([^/]+)\/(.*)$/.exec(url) ?? [];
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    }
  } finally {
    client.destroy();
  }
}
