/** Directories that go away with the test file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A new empty directory, removed after the test file. */
export function temporaryDirectory(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `ppi-${name}-`));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
