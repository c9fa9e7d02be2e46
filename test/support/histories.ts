/** Workflow histories as text: what anybody who may look at them can read. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '@temporalio/client';
import { findTool } from '../../scripts/setup/tools.mjs';
import { projectRoot } from './mutant.ts';

export interface ExportedHistory {
  readonly workflowId: string;
  readonly workflowType: string;
  /** As `temporal workflow show --output json` gives it: replays read it. */
  readonly json: string;
  /** The same with every payload decoded: where a leak would stand. */
  readonly readable: string;
}

/** The histories of all runs that the namespace still has. */
export async function exportHistories(client: Client, address: string): Promise<ExportedHistory[]> {
  const temporal = findTool('temporal') ?? 'temporal';
  const exported: ExportedHistory[] = [];
  for await (const { workflowId, runId, type } of client.workflow.list()) {
    const { stdout } = await promisify(execFile)(
      temporal,
      ['workflow', 'show', '--workflow-id', workflowId, '--run-id', runId, '--output', 'json', '--address', address],
      { maxBuffer: 1 << 28 },
    );
    exported.push({ workflowId, workflowType: type, json: stdout, readable: decodePayloads(stdout) });
  }
  return exported;
}

function decodePayloads(json: string): string {
  return json.replaceAll(
    /"data":\s*"([A-Za-z0-9+/=]*)"/g,
    (_, data: string) => `"data": ${Buffer.from(data, 'base64').toString()}`,
  );
}

const fixtures = join(projectRoot, 'test/histories');

/**
 * Keeps one history of each workflow type as a fixture for test/workflows/replay.test.ts: the longest, but not of a size that
 * says no more. Done by hand, from a released version: RECORD_HISTORIES=1 npx vitest run test/e2e test/workflows
 */
export function recordHistories(histories: readonly ExportedHistory[]): void {
  mkdirSync(fixtures, { recursive: true });
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
  for (const type of new Set(histories.map(({ workflowType }) => workflowType))) {
    const [chosen] = histories
      .filter(({ workflowType, json }) => workflowType === type && json.length < 600_000)
      .toSorted((a, b) => b.json.length - a.json.length);
    // stack traces name files of the machine that recorded them
    const json = chosen?.json.replaceAll(projectRoot, '/app/');
    if (json !== undefined) writeFileSync(join(fixtures, `${type}-${version}.json`), json);
  }
}

export function recordedHistories(): { readonly file: string; readonly history: unknown }[] {
  return readdirSync(fixtures)
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ file, history: JSON.parse(readFileSync(join(fixtures, file), 'utf8')) as unknown }));
}
