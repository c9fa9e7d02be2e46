/** Workflow histories as text: what anybody who may look at them can read. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Client } from '@temporalio/client';
import { findTool } from '../../scripts/setup/tools.mjs';

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
