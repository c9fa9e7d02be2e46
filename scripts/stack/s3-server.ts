/** An S3 server for demo, development and tests: versitygw when it is on PATH, else SeaweedFS from `.tools/`. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath, findTool } from '../setup/tools.mjs';
import { startProcess, withFreePorts, type Running } from './process.ts';

export interface StartS3Server {
  /** Objects, the server's own state and its log live here. */
  readonly dataDir: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Default: any free port. */
  readonly port?: number;
}

export interface S3Server extends Running {
  /** `http://127.0.0.1:PORT`; needs path-style addresses, takes any region. */
  readonly endpoint: string;
  /** Takes objects faster than S3 does, as `PUT BUCKET/KEY` without a signature; undefined where the server has no such way. */
  readonly bulkUrl: string | undefined;
}

/**
 * Starts an S3 server that checks signatures and honours `If-None-Match`.
 * @throws Error when no server is installed, or it does not come up.
 */
export async function startS3Server(options: StartS3Server): Promise<S3Server> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const versitygw = findOnPath('versitygw');
  if (versitygw !== undefined) return startVersity(versitygw, options);
  const weed = findTool('weed');
  if (weed === undefined) {
    throw new Error(
      'no S3 server: neither versitygw nor weed on PATH or in .tools/bin; run `node scripts/setup/tools.mjs`',
    );
  }
  return startSeaweed(weed, options);
}

/** https://github.com/versity/versitygw/wiki/Quickstart */
async function startVersity(command: string, options: StartS3Server): Promise<S3Server> {
  return withFreePorts(1, async ([free = 0]) => {
    const port = options.port ?? free;
    const endpoint = `http://127.0.0.1:${port}`;
    const [objects, versions] = ['objects', 'versions'].map((name) => join(options.dataDir, name)) as [string, string];
    mkdirSync(objects, { recursive: true });
    mkdirSync(versions, { recursive: true });
    const running = await startProcess({
      name: 'S3 server (versitygw)',
      command,
      args: ['--port', `127.0.0.1:${port}`, '--health', '/healthz', 'posix', '--versioning-dir', versions, objects],
      env: { ...process.env, ROOT_ACCESS_KEY: options.accessKeyId, ROOT_SECRET_KEY: options.secretAccessKey },
      logFile: join(options.dataDir, 's3.log'),
      readySeconds: 30,
      ready: () => answers(`${endpoint}/healthz`),
    });
    return { ...running, endpoint, bulkUrl: undefined };
  });
}

/** `weed mini` is up in 0.6 s where `weed server` takes 3: https://github.com/seaweedfs/seaweedfs/wiki/Quick-Start-with-weed-mini */
async function startSeaweed(command: string, options: StartS3Server): Promise<S3Server> {
  return withFreePorts(seaweedPorts.length, async (free) => {
    const ports = Object.fromEntries(seaweedPorts.map((name, index) => [name, free[index] ?? 0]));
    if (options.port !== undefined) ports['s3.port'] = options.port;
    const endpoint = `http://127.0.0.1:${ports['s3.port']}`;
    const running = await startProcess({
      name: 'S3 server (SeaweedFS)',
      command,
      args: [
        'mini',
        `-dir=${options.dataDir}`,
        '-ip=127.0.0.1',
        '-ip.bind=127.0.0.1',
        ...Object.entries(ports).map(([name, port]) => `-${name}=${port}`),
        '-s3.autoCreateBucket=false',
        '-s3.iam=false',
        '-s3.port.iceberg=0',
        '-s3.port.lance=0',
        '-admin.ui=false',
        '-webdav=false',
        '-master.telemetry=false',
        '-volume.max=200',
        '-volume.preStopSeconds=0',
      ],
      env: { ...process.env, AWS_ACCESS_KEY_ID: options.accessKeyId, AWS_SECRET_ACCESS_KEY: options.secretAccessKey },
      logFile: join(options.dataDir, 's3.log'),
      readySeconds: 30,
      // The gateway answers before a volume server has joined; an assigned file id means that writes will work.
      ready: async () =>
        (await answers(`${endpoint}/healthz`)) &&
        (await (await fetch(`http://127.0.0.1:${ports['master.port']}/dir/assign`)).text()).includes('"fid"'),
    });
    // https://github.com/seaweedfs/seaweedfs/wiki/Filer-Server-API
    return { ...running, endpoint, bulkUrl: `http://127.0.0.1:${ports['filer.port']}/buckets` };
  });
}

const seaweedPorts = [
  's3.port',
  's3.port.grpc',
  'master.port',
  'master.port.grpc',
  'volume.port',
  'volume.port.grpc',
  'filer.port',
  'filer.port.grpc',
  'admin.port',
  'admin.port.grpc',
];

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.ok;
}
