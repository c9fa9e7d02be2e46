/** The demo's two customers: their sources, their buckets, and exactly what went in. */
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import pMap from 'p-map';
import { generateLogs, type LogTable } from '../../simulator/logs/generate.ts';
import { startTapSimulator, type TapSimulator } from '../../simulator/tap/server.ts';
import type { TableName } from '../../tables/table.ts';

/** What one tenant's table must have in the end. */
export interface Expected {
  readonly tenantId: string;
  readonly table: TableName;
  readonly records: number;
  /** Each record as it went in; TAP's come with their keys and parts in any order. */
  readonly texts: readonly string[];
  readonly deadLetters: number;
}

interface DemoTenant {
  readonly tenantId: string;
  readonly tapEventsPerHour: number;
  readonly logs: readonly {
    readonly sourceId: string;
    readonly table: LogTable;
    readonly count: number;
    readonly malformed: number;
  }[];
}

const tenants: readonly DemoTenant[] = [
  {
    tenantId: 'acme',
    tapEventsPerHour: 60,
    logs: [
      { sourceId: 'filter', table: 'proofpoint_gateway_filter_logs', count: 6000, malformed: 3 },
      { sourceId: 'sendmail', table: 'proofpoint_gateway_sendmail_logs', count: 3000, malformed: 2 },
      { sourceId: 'pod-message', table: 'proofpoint_on_demand_message', count: 1500, malformed: 1 },
      { sourceId: 'pod-maillog', table: 'proofpoint_on_demand_maillog', count: 3000, malformed: 1 },
    ],
  },
  {
    tenantId: 'globex',
    tapEventsPerHour: 25,
    logs: [{ sourceId: 'sendmail', table: 'proofpoint_gateway_sendmail_logs', count: 2000, malformed: 0 }],
  },
];

const hourMs = 3_600_000;

export interface DemoWorld {
  readonly tap: TapSimulator;
  readonly expected: readonly Expected[];
  /** The time that all of it lies in, epoch ms. */
  readonly fromMs: number;
  readonly toMs: number;
  /** tenants.yaml for this world. */
  readonly tenantsYaml: string;
}

export const demoCredentials = { accessKeyId: 'demo', secretAccessKey: 'demo-secret-key' };

const tapPrincipal = (tenantId: string) => `${tenantId}-principal`;
const tapSecret = (tenantId: string) => `${tenantId}-tap-secret`;

/** What the worker must have in its environment for the references in tenants.yaml. */
export function demoSecrets(): Record<string, string> {
  const secrets: Record<string, string> = {
    DEMO_S3_KEY: demoCredentials.accessKeyId,
    DEMO_S3_SECRET: demoCredentials.secretAccessKey,
  };
  for (const { tenantId } of tenants) {
    secrets[`${tenantId.toUpperCase()}_TAP_PRINCIPAL`] = tapPrincipal(tenantId);
    secrets[`${tenantId.toUpperCase()}_TAP_SECRET`] = tapSecret(tenantId);
  }
  return secrets;
}

/** Starts the vendor's API and fills the buckets: 26 hours of events, the newest old enough for the vendor to have indexed it. */
export async function createDemoWorld({
  seed,
  s3Endpoint,
  scale = 1,
}: {
  seed: string;
  s3Endpoint: string;
  scale?: number;
}): Promise<DemoWorld> {
  const nowMs = Date.now();
  const fromMs = Math.floor(nowMs / hourMs) * hourMs - 26 * hourMs;
  const toMs = nowMs - 35 * 60_000;
  const tap = await startTapSimulator({
    seed,
    accounts: tenants.map(({ tenantId, tapEventsPerHour }) => ({
      principal: tapPrincipal(tenantId),
      secret: tapSecret(tenantId),
      tenant: tenantId,
      startMs: fromMs,
      endMs: toMs,
      eventsPerHour: tapEventsPerHour,
    })),
  });
  const expected: Expected[] = tenants.flatMap(({ tenantId }) => expectedOfTap(tap, tenantId));
  for (const { tenantId, logs } of tenants) {
    const store = new S3Client({
      endpoint: s3Endpoint,
      region: 'us-east-1',
      credentials: demoCredentials,
      forcePathStyle: true,
    });
    const bucket = `${tenantId}-logs`;
    await store.send(new CreateBucketCommand({ Bucket: bucket }));
    for (const { table, count, malformed } of logs) {
      const { objects } = generateLogs({
        seed,
        tenant: tenantId,
        table,
        fromMs,
        toMs,
        count: Math.ceil(count * scale),
        malformed,
      });
      await pMap(
        objects,
        ({ key, body }) => store.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body })),
        { concurrency: 8 },
      );
      const texts = objects.flatMap(({ records }) => records);
      expected.push({ tenantId, table, records: texts.length, texts, deadLetters: malformed });
    }
    store.destroy();
  }
  return { tap, expected, fromMs, toMs, tenantsYaml: tenantsYaml({ tapUrl: tap.url, s3Endpoint, fromMs }) };
}

function expectedOfTap(tap: TapSimulator, tenantId: string): Expected[] {
  const texts = new Map<TableName, string[]>();
  for (const { array, record } of tap.account(tapPrincipal(tenantId)).truth()) {
    const table = tapTables[array];
    const known = texts.get(table) ?? [];
    known.push(JSON.stringify(record));
    texts.set(table, known);
  }
  return Array.from(texts, ([table, each]) => ({ tenantId, table, records: each.length, texts: each, deadLetters: 0 }));
}

const tapTables = {
  messagesDelivered: 'proofpoint_tap_messages_delivered',
  messagesBlocked: 'proofpoint_tap_messages_blocked',
  clicksPermitted: 'proofpoint_tap_clicks_permitted',
  clicksBlocked: 'proofpoint_tap_clicks_blocked',
} as const satisfies Record<string, TableName>;

function tenantsYaml({ tapUrl, s3Endpoint, fromMs }: { tapUrl: string; s3Endpoint: string; fromMs: number }): string {
  const lines = ['tenants:'];
  for (const { tenantId, logs } of tenants) {
    const variable = tenantId.toUpperCase();
    lines.push(
      `  ${tenantId}:`,
      '    sources:',
      '      tap:',
      '        kind: tap',
      `        principal: env:${variable}_TAP_PRINCIPAL`,
      `        secret: env:${variable}_TAP_SECRET`,
      `        startFrom: ${new Date(fromMs).toISOString()}`,
      `        baseUrl: ${tapUrl}`,
    );
    for (const { sourceId, table } of logs) {
      lines.push(
        `      ${sourceId}:`,
        '        kind: s3',
        `        table: ${table}`,
        `        bucket: ${tenantId}-logs`,
        `        prefix: ${sourceId.replace('pod-', '')}/`,
        '        every: 10s',
        `        endpoint: ${s3Endpoint}`,
        '        accessKeyId: env:DEMO_S3_KEY',
        '        secretAccessKey: env:DEMO_S3_SECRET',
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
