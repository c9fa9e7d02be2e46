/** Opens DuckDB with the DuckLake catalog attached as `lake`. SQLite + directory and Postgres + S3 differ only in the settings given here. */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { IngestError } from '../errors/ingest-error.ts';
import { type Catalog, parseCatalog } from './catalog.ts';
import { registerRowFeed } from './row-feed.ts';
import { createS3Client, type S3Access } from './s3-access.ts';
import { openSpill } from './spill.ts';
import { quote } from './sql.ts';
import { untilFirst } from './transaction.ts';

export interface LakeSettings {
  /** `sqlite:/path/to/catalog.sqlite` or `postgres:<libpq connection string>`. */
  readonly catalog: string;
  /** Directory or `s3://bucket/prefix` that holds the Parquet files. */
  readonly dataPath: string;
  /** Where the DuckDB extensions lie (`<dir>/v<version>/<platform>/…`). */
  readonly extensionDirectory: string;
  /** Where batches larger than memory spill to; other processes may use it, too. */
  readonly spillDirectory: string;
  readonly memoryMegabytes: number;
  /** For an S3 data path: how to reach it. Absent: AWS's own endpoints. */
  readonly s3?: S3Access | undefined;
}

export interface Opened {
  /** A connection of its own, for whoever needs a transaction of its own. */
  connect(): Promise<DuckDBConnection>;
  /** Hands DuckDB the current credentials of an S3 data path: those of a role expire. Cheap when nothing changed. */
  refreshAccess(): Promise<void>;
  close(): void;
}

/**
 * A DuckDB instance with the lake attached. `readOnly` needs a lake that exists.
 * @throws IngestError `lake.unavailable`, `config.environment`
 */
export async function openLakeInstance(settings: LakeSettings, options: { readOnly: boolean }): Promise<Opened> {
  const catalog = parseCatalog(settings.catalog);
  if (!options.readOnly) {
    if (catalog.kind === 'sqlite') mkdirSync(dirname(catalog.target), { recursive: true });
    if (!settings.dataPath.includes('://')) mkdirSync(settings.dataPath, { recursive: true });
  }
  const spill = openSpill(settings.spillDirectory);
  const instance = await DuckDBInstance.create(':memory:', {
    extension_directory: settings.extensionDirectory,
    autoinstall_known_extensions: 'false',
    memory_limit: `${settings.memoryMegabytes}MB`,
    temp_directory: spill.directory,
    // A second thread takes a third more computing for the same rows and is no sooner done; each has buffers of its own besides, of 60 MB for the
    // tables with most columns. More cores take more processes (WORKER_PROCESSES).
    threads: options.readOnly ? String(Math.min(4, availableParallelism())) : '1',
    // insertion order costs memory on large inserts and nothing here relies on it
    preserve_insertion_order: 'false',
    // by default half a million rows are gathered before any is written to its partition: a gigabyte, where rows are long
    partitioned_write_flush_threshold: '24576',
    // staged rows are dropped after their commit: to compress them at each checkpoint takes longer than to write them
    checkpoint_threshold: '1TB',
    // Of each small piece that is read of a file, DuckDB keeps 4 KB, also of files that are merged and gone (https://github.com/duckdb/duckdb/issues/22730):
    // a worker of small batches grew to 2 GB. Files on this machine are in the system's cache; on S3, pieces are large, and save requests.
    enable_external_file_cache: String(isOnS3(settings)),
    // freed memory goes back to the system
    allocator_background_threads: 'true',
    allocator_flush_threshold: '8MB',
    allocator_bulk_deallocation_flush_threshold: '8MB',
  });
  const close = () => {
    instance.closeSync();
    spill.remove();
  };
  const refreshAccess = createAccessRefresh(instance, settings);
  try {
    const connection = await instance.connect();
    await connection.run(`SET TimeZone = 'UTC'`);
    const extensions = ['ducklake', catalog.kind, ...(isOnS3(settings) ? ['httpfs'] : [])];
    for (const extension of extensions) await connection.run(`LOAD ${extension}`);
    registerRowFeed(connection);
    await refreshAccess();
    // of workers that make a new lake at the same moment, all but one fail, and find it made
    await untilFirst(() => connection.run(attachSql(catalog, settings.dataPath, options.readOnly)));
    connection.closeSync();
  } catch (error) {
    close();
    throw castOpenError(error, settings);
  }
  return {
    refreshAccess,
    close,
    async connect() {
      const connection = await instance.connect();
      await connection.run(`SET TimeZone = 'UTC'`);
      return connection;
    },
  };
}

const isOnS3 = ({ dataPath }: LakeSettings) => dataPath.startsWith('s3://');

function attachSql({ kind, target }: Catalog, dataPath: string, readOnly: boolean): string {
  // Inlined rows make each commit five times slower and their flush a stall; without them a commit of eight tables costs 0.3 s.
  const options = [`DATA_PATH ${quote(dataPath)}`, 'DATA_INLINING_ROW_LIMIT 0'];
  // Without WAL a reader blocks the writer; without a busy timeout two workers fail at once instead of taking turns.
  if (kind === 'sqlite') options.push(`META_JOURNAL_MODE 'WAL'`, 'META_BUSY_TIMEOUT 10000');
  if (readOnly) options.push('READ_ONLY', 'CREATE_IF_NOT_EXISTS false');
  return `ATTACH ${quote(`ducklake:${kind}:${target}`)} AS lake (${options.join(', ')})`;
}

function createAccessRefresh(instance: DuckDBInstance, settings: LakeSettings): () => Promise<void> {
  if (!isOnS3(settings)) return async () => undefined;
  if (settings.s3 === undefined)
    throw new IngestError('config.environment', 'LAKE_DATA: an s3:// path needs S3 access settings');
  const access = settings.s3;
  const client = createS3Client(access);
  let known = '';
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
    if (known === accessKeyId + secretAccessKey) return;
    const fields = [
      'TYPE s3',
      `REGION ${quote(access.region)}`,
      `KEY_ID ${quote(accessKeyId)}`,
      `SECRET ${quote(secretAccessKey)}`,
    ];
    if (sessionToken !== undefined) fields.push(`SESSION_TOKEN ${quote(sessionToken)}`);
    if (access.endpoint !== undefined) {
      const url = new URL(access.endpoint);
      fields.push(`ENDPOINT ${quote(url.host)}`, `URL_STYLE 'path'`, `USE_SSL ${url.protocol === 'https:'}`);
    }
    const connection = await instance.connect();
    await connection.run(`CREATE OR REPLACE SECRET lake_s3 (${fields.join(', ')})`);
    connection.closeSync();
    known = accessKeyId + secretAccessKey;
  };
}

function castOpenError(error: unknown, settings: LakeSettings): unknown {
  if (error instanceof IngestError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/extension .* not found|Failed to load|not been installed/i.test(message)) {
    return new IngestError(
      'lake.unavailable',
      `lake: a DuckDB extension is missing below ${settings.extensionDirectory}; run "npm run --silent ppi -- --help" once, it fetches them`,
      { cause: error },
    );
  }
  // The catalog's connection string may hold a password, and DuckDB's own text can quote it: only its kind is named.
  const { kind } = parseCatalog(settings.catalog);
  return new IngestError(
    'lake.unavailable',
    `lake: cannot open the ${kind} catalog with data at ${settings.dataPath}`,
    {
      cause: error,
    },
  );
}
