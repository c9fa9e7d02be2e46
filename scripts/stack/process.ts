/** Child processes of the embedded stack: started, waited for, and never left behind. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A running server. */
export interface Running {
  readonly pid: number;
  /** Settles when the process ends, whoever ended it: `exit code 1`, `SIGKILL`. Never rejects. */
  readonly exited: Promise<string>;
  /** Asks the process to stop, forces it after a while, and returns once it is gone. May be called twice. */
  close(): Promise<void>;
}

export interface StartProcess {
  /** As error messages name it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Numeric user and group to run as, for servers that refuse root. */
  readonly runAs?: { readonly uid: number; readonly gid: number };
  /** Both output streams are appended to this file. */
  readonly logFile: string;
  /** Asked again and again until true; what it throws counts as "not yet". */
  ready(): Promise<boolean>;
  readonly readySeconds?: number;
  readonly stopSignal?: NodeJS.Signals;
  readonly stopSeconds?: number;
}

const pollMs = 50;
const quotedLines = 12;

/**
 * Starts a server and returns once it is ready. It dies with this process, whatever this process dies of.
 * @throws Error with the last log lines, when the server ends early or is not ready in time.
 */
export async function startProcess(options: StartProcess): Promise<Running> {
  const { name, command, args, logFile, readySeconds = 60, stopSignal = 'SIGTERM', stopSeconds = 10 } = options;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a', 0o600);
  // Its own process group: Ctrl-C in a terminal reaches us alone, and we stop the servers in order.
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: options.env ?? process.env,
    ...options.runAs,
  });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} cannot start: ${await exited}`);
  let ended: string | undefined;
  const released = watchOver(pid);
  void exited.then((how) => {
    released();
    return (ended = how);
  });

  const close = async (): Promise<void> => {
    if (ended !== undefined) return;
    signalGroup(pid, stopSignal);
    const force = setTimeout(() => signalGroup(pid, 'SIGKILL'), stopSeconds * 1000);
    await exited;
    clearTimeout(force);
  };

  let lastReason = '';
  const deadlineMs = performance.now() + readySeconds * 1000;
  for (;;) {
    if (ended !== undefined) throw new Error(`${name} ended early (${ended})${quoteLog(logFile)}`);
    try {
      if (await options.ready()) return { pid, exited, close };
    } catch (error) {
      lastReason = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() > deadlineMs) {
      signalGroup(pid, 'SIGKILL');
      await exited;
      throw new Error(`${name} was not ready within ${readySeconds} s${lastReason}${quoteLog(logFile)}`);
    }
    await sleep(pollMs);
  }
}

/** Below those that Linux, macOS and Windows give to outgoing connections: one of those may take a port between our look and the server's start. */
const [lowestPort, highestPort] = [20_000, 32_000];
const portTriesMax = 1000;

/** Ports of 127.0.0.1 that are free now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries += 1) {
    if (tries === portTriesMax) throw new Error(`no ${count} free ports between ${lowestPort} and ${highestPort}`);
    const port = randomInt(lowestPort, highestPort);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  await once(server.close(), 'close');
  return true;
}

/** Runs `start` with free ports, and again with others when somebody was faster: some servers say so, others are never ready. */
export async function withFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePorts(count));
    } catch (error) {
      if (attempt === 3 || !/address already in use|was not ready within/i.test(String(error))) throw error;
    }
  }
}

/**
 * A shell that waits for the end of its input, which is the end of this process even by SIGKILL, and then ends `pid`.
 * Returns the function that dismisses it.
 */
function watchOver(pid: number): () => void {
  const watch = spawn('/bin/sh', ['-c', `read -r _; kill -TERM -${pid}; sleep 5; kill -KILL -${pid}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.unref();
  watch.on('error', () => undefined);
  return () => watch.kill('SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone between our look and the signal.
  }
}

/** The end of a log, as part of an error's message. */
export function quoteLog(logFile: string): string {
  const lines = existsSync(logFile) ? readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-quotedLines) : [];
  return `; the end of ${logFile}:\n${lines.map((line) => `  ${line.slice(0, 500)}`).join('\n')}`;
}
