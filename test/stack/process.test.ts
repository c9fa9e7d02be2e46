import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, startProcess, withFreePorts } from '../../scripts/stack/process.ts';

let directory: string;
let logFile: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'process-'));
  logFile = join(directory, 'server.log');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const answers = async (port: number) => (await fetch(`http://127.0.0.1:${port}`)).ok;
const isGone = async (port: number) => !(await answers(port).catch(() => false));

function startNode(
  source: string,
  ready: () => Promise<boolean>,
  limits: { readySeconds?: number; stopSeconds?: number } = {},
) {
  return startProcess({
    name: 'test server',
    command: process.execPath,
    args: ['-e', source],
    logFile,
    ready,
    ...limits,
  });
}

const serve = (port: number) => `require('http').createServer((_, r) => r.end('ok')).listen(${port}, '127.0.0.1');`;

describe('startProcess', () => {
  it('returns a server that answers, and closes it', async () => {
    const [port = 0] = await freePorts(1);
    const server = await startNode(serve(port), () => answers(port));
    expect(await answers(port)).toBe(true);
    await Promise.all([server.close(), server.close()]);
    expect(await server.exited).toBe('SIGTERM');
    expect(await isGone(port)).toBe(true);
    await server.close();
  });

  it('forces a server that does not listen to reason', async () => {
    const [port = 0] = await freePorts(1);
    const server = await startNode(`process.on('SIGTERM', () => {}); ${serve(port)}`, () => answers(port), {
      stopSeconds: 0.2,
    });
    await server.close();
    expect(await server.exited).toBe('SIGKILL');
  });

  it('quotes the log of a server that ends early', async () => {
    const start = startNode(
      'console.log("reading configuration"); console.error("no such table"); process.exit(4)',
      async () => false,
    );
    await expect(start).rejects.toThrow(
      `test server ended early (exit code 4); the end of ${logFile}:\n  reading configuration\n  no such table`,
    );
  });

  it('quotes the log and the last reason of a server that is not ready in time, and ends it', async () => {
    const [port = 0, other = 0] = await freePorts(2);
    const start = startNode(`console.log('still thinking'); ${serve(port)}`, () => answers(other), {
      readySeconds: 0.5,
    });
    await expect(start).rejects.toThrow(
      /^test server was not ready within 0\.5 s: fetch failed; the end of .*\n(.*\n)*  still thinking$/,
    );
    expect(await isGone(port)).toBe(true);
  });

  it('says which program cannot be started', async () => {
    const start = startProcess({
      name: 'test server',
      command: '/nowhere/server',
      args: [],
      logFile,
      ready: async () => false,
    });
    await expect(start).rejects.toThrow('test server cannot start: spawn /nowhere/server ENOENT');
  });

  it('leaves no server behind when its own process is killed', async () => {
    const [port = 0] = await freePorts(1);
    const module = fileURLToPath(new URL('../../scripts/stack/process.ts', import.meta.url));
    const parent = spawn(
      process.execPath,
      [
        '--import=tsx',
        '--input-type=module',
        '-e',
        `const { startProcess } = await import(${JSON.stringify(module)});
         await startProcess({ name: 'orphan', command: process.execPath, args: ['-e', ${JSON.stringify(serve(port))}],
           logFile: ${JSON.stringify(logFile)}, ready: async () => (await fetch('http://127.0.0.1:${port}')).ok });
         console.log('up');`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(parent.stdout, 'data');
    expect(await answers(port)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    for (let waitedMs = 0; waitedMs < 4000 && !(await isGone(port)); waitedMs += 50) await sleep(50);
    expect(await isGone(port)).toBe(true);
  });
});

describe('free ports', () => {
  it('are different and can be listened on', async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    // no outgoing connection gets one of them
    expect(ports.every((port) => port < 32_768)).toBe(true);
    const server = createServer().listen(ports[0], '127.0.0.1');
    await once(server, 'listening');
    server.close();
  });

  it('are chosen anew when somebody was faster, and other failures are passed on at once', async () => {
    const tried: number[] = [];
    const port = await withFreePorts(1, async ([free = 0]) => {
      tried.push(free);
      if (tried.length === 1) throw new Error(`listen tcp 127.0.0.1:${free}: bind: address already in use`);
      if (tried.length === 2) throw new Error('server was not ready within 30 s');
      return free;
    });
    expect(tried).toHaveLength(3);
    expect(port).toBe(tried[2]);
    let calls = 0;
    const broken = withFreePorts(1, async () => {
      calls += 1;
      throw new Error('disk full');
    });
    await expect(broken).rejects.toThrow('disk full');
    expect(calls).toBe(1);
  });
});
