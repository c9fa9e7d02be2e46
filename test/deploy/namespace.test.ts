import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTool } from '../../scripts/setup/tools.mjs';
import { startTemporalServer, type TemporalServer } from '../../scripts/stack/temporal-server.ts';
import { searchAttributeTypes } from '../../workflows/search-attributes.ts';

const script = fileURLToPath(new URL('../../deploy/temporal/create-namespace.sh', import.meta.url));
let directory: string;
let server: TemporalServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'namespace-'));
  server = await startTemporalServer({ uiPort: 'none', logFile: join(directory, 'temporal.log') });
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('create-namespace.sh', () => {
  it('makes a namespace with its retention and search attributes, and changes nothing when it runs again', async () => {
    const run = () =>
      spawnSync('sh', [script], {
        encoding: 'utf8',
        env: {
          PATH: `${dirname(findTool('temporal') ?? '')}:${process.env['PATH']}`,
          HOME: directory,
          TEMPORAL_ADDRESS: server.address,
          TEMPORAL_NAMESPACE: 'fresh',
          RETENTION: '168h',
        },
      });
    for (let round = 1; round <= 2; round++) {
      const { status, stderr } = run();
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    }
    const connection = await Connection.connect({ address: server.address });
    const { config } = await connection.workflowService.describeNamespace({ namespace: 'fresh' });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(168 * 3600);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'fresh' });
    expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(Object.keys(searchAttributeTypes)));
    const everything = Object.keys(searchAttributeTypes).map((name) => `${name} IS NULL`);
    const client = new Client({ connection, namespace: 'fresh' });
    await expect
      .poll(() =>
        client.workflow.count(everything.join(' AND ')).then(
          ({ count }) => count,
          () => -1,
        ),
      )
      .toBe(0);
    await connection.close();
  });
});
