/**
 * Where a process puts what does not fit into its memory: DuckDB its rows, a fetch its download. Each DuckDB instance needs a directory of its own: the
 * files of all instances have the same names, and two that shared a directory would read each other's rows.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

export interface Spill {
  readonly directory: string;
  remove(): void;
}

const prefix = 'process-';
/** What lies that long untouched, on whatever machine it was written, is nobody's. */
const abandonedMs = 7 * 86_400_000;

/** The directories of this process. */
const own = new Set<string>();

/** A new directory below `root`, which other processes use, too. What killed ones left there is removed. */
export function openSpill(root: string): Spill {
  mkdirSync(root, { recursive: true });
  removeLeftovers(root);
  const directory = mkdtempSync(join(root, `${prefix}${hostname()}-${process.pid}-`));
  own.add(directory);
  return {
    directory,
    remove() {
      own.delete(directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function removeLeftovers(root: string): void {
  for (const entry of readdirSync(root)) {
    const path = join(root, entry);
    if (!entry.startsWith(prefix) || own.has(path) || !isLeftover(entry, path)) continue;
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // another user's, or being removed by another process: whoever may remove it will, and it is in nobody's way
    }
  }
}

function isLeftover(entry: string, path: string): boolean {
  const [, host, pid] = /^process-(.*)-(\d+)-[^-]*$/.exec(entry) ?? [];
  // of this process's number, and not of this process: of one that ran before in the same container
  if (host === hostname()) return Number(pid) === process.pid || !isAlive(Number(pid));
  const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return modified !== undefined && Date.now() - modified > abandonedMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
