import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LakeSettings, openLakeInstance } from '../../lake/connection.ts';
import { type Lake, openLake } from '../../lake/lake.ts';
import { ocsfVersion } from '../../tables/ocsf.ts';
import { tables } from '../../tables/registry.ts';
import { tableNames, type TableName } from '../../tables/table.ts';
import { objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { fixture } from '../tables/parsing.ts';

let directory: string;
let settings: LakeSettings;
let lake: Lake;

const hour = 3_600_000_000;
let clock = Date.parse('2026-04-01T00:00:00Z') * 1000;

/** Loads records as the object of that name, each object an hour later than the one before. */
async function load(object: string, table: TableName, records: readonly string[]): Promise<void> {
  clock += hour;
  const ingestedAt = clock;
  await lake.load(objectHeader(object), [table], async (stage) => {
    for (const [index, record] of records.entries()) {
      const { row } = tables[table].parse(
        { bytes: Buffer.from(record), offset: index, line: index + 1 },
        {
          tenantId: 'acme',
          batchId: object,
          uri: object,
          fallbackTime: clock,
          fallbackTimeSource: 'object',
          ingestedAt,
        },
      );
      if (row !== undefined) stage.addRow(table, row);
    }
  });
}

const query = (sql: string) => queryLake(settings, sql);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'views-'));
  settings = sqliteLake(directory);
  lake = await openLake(settings);
  for (const table of tableNames) await load(`fixtures/${table}`, table, fixture(table));
});

afterAll(async () => {
  await lake.close();
  rmSync(directory, { recursive: true, force: true });
});

describe.each(tableNames)('ocsf_%s', (table) => {
  it('shows every row as an event with all that OCSF requires', async () => {
    const [found] = await query(`
      SELECT count(*)::INTEGER AS rows, count(*) FILTER (
        activity_id IS NOT NULL AND class_uid IS NOT NULL AND category_uid = 4 AND severity_id IS NOT NULL
        AND type_uid = class_uid * 100 + activity_id AND "time" = epoch_ms(time_dt)
        AND metadata.version = '${ocsfVersion}' AND metadata.product.name IS NOT NULL
        AND metadata.product.vendor_name = 'Proofpoint' AND metadata.tenant_uid = 'acme' AND metadata.uid IS NOT NULL
        AND disposition_id IS NOT NULL AND action_id IS NOT NULL AND raw_data IS NOT NULL AND observables IS NOT NULL
      )::INTEGER AS complete FROM ocsf_${table}`);
    expect(found).toEqual({ rows: fixture(table).length, complete: fixture(table).length });
  });

  it.runIf(tables[table].ocsf.classUid === 4009)('has the direction and the e-mail of an Email Activity', async () => {
    const [found] = await query(
      `SELECT count(*)::INTEGER AS rows FROM ocsf_${table} WHERE direction_id IS NOT NULL AND email IS NOT NULL`,
    );
    expect(found).toEqual({ rows: fixture(table).length });
  });
});

describe('OCSF events', () => {
  it('of TAP messages have files with hashes, and threats', async () => {
    const [found] = await query(`
      SELECT email.subject AS subject, email.files[2].hashes AS hashes, osint[1].type_id AS threat, osint[1].value AS artifact,
        risk_score, src_endpoint.ip AS ip, len(observables) AS observables
      FROM ocsf_proofpoint_tap_messages_delivered WHERE email.subject IS NOT NULL`);
    expect(found).toEqual({
      subject: 'Invoice 4471 is overdue',
      hashes: [
        { algorithm: 'MD5', algorithm_id: 1, value: '9e107d9d372bb6826bd81d3542a419d6' },
        {
          algorithm: 'SHA-256',
          algorithm_id: 3,
          value: 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592',
        },
      ],
      threat: 5,
      artifact: 'http://pay.northwind-portal.example/4471',
      risk_score: 12,
      ip: '198.51.100.24',
      observables: '12',
    });
  });

  it('of clicks have the request and the user', async () => {
    expect(
      await query(`SELECT http_request.url.hostname AS host, actor.user.email_addr AS who, action_id, disposition
        FROM ocsf_proofpoint_tap_clicks_blocked`),
    ).toEqual([
      { host: 'pay.northwind-portal.example', who: 'lena.park@harbor.example', action_id: 2, disposition: 'blocked' },
    ]);
  });

  it('of PoD messages have verdicts, and the URLs of all parts', async () => {
    expect(
      await query(`SELECT email_auth.dkim_domain AS signer, direction, direction_id, duration, malware[1].name AS malware,
        list_transform(email.urls, lambda u: u.url_string) AS urls FROM ocsf_proofpoint_on_demand_message`),
    ).toEqual([
      {
        signer: 'northwind.example',
        direction: 'inbound',
        direction_id: 1,
        duration: '412',
        malware: 'Test.Virus',
        urls: ['http://pay.northwind-portal.example/4471', 'mailto:billing@northwind.example'],
      },
    ]);
  });

  it('of sendmail have the relay at the side where it is', async () => {
    expect(
      await query(`SELECT metadata.event_code AS kind, src_endpoint.ip AS src, dst_endpoint.ip AS dst, status_id
        FROM ocsf_proofpoint_gateway_sendmail_logs WHERE metadata.event_code IN ('from', 'to') ORDER BY kind, src, dst`),
    ).toEqual([
      { kind: 'from', src: '198.51.100.24', dst: null, status_id: 0 },
      { kind: 'to', src: null, dst: '127.0.0.1', status_id: 2 },
      { kind: 'to', src: null, dst: '2001:db8::10', status_id: 1 },
    ]);
  });
});

describe('latest_…', () => {
  const message = (status: string, guid: string | null) =>
    JSON.stringify({
      GUID: guid,
      recipient: ['lena.park@harbor.example'],
      messageTime: '2026-03-12T00:00:00Z',
      threatsInfoMap: [{ threatStatus: status }],
    });

  it('has the last verdict on a message, and every row without a complete key', async () => {
    const table = 'proofpoint_tap_messages_blocked';
    await load('verdicts/1', table, [message('active', 'folded'), message('active', null)]);
    await load('verdicts/2', table, [message('cleared', 'folded'), message('cleared', null)]);
    const rows = (relation: string) =>
      query(
        `SELECT guid, threats[1].status AS status FROM ${relation} WHERE message_time >= '2026-03-12' ORDER BY ALL`,
      );
    expect(await rows(table)).toHaveLength(4);
    expect(await rows(`latest_${table}`)).toEqual([
      { guid: 'folded', status: 'cleared' },
      { guid: null, status: 'active' },
      { guid: null, status: 'cleared' },
    ]);
  });

  it('has the last attempt at a delivery', async () => {
    const table = 'proofpoint_gateway_sendmail_logs';
    const attempt = (minute: number, stat: string) =>
      `2026-03-12T10:0${minute}:00+00:00 gw1 sendmail[1]: 4B7FATT0000001: to=<a@b.example>, delay=00:00:01, stat=${stat}`;
    // shipped in the wrong order
    await load('attempts/1', table, [attempt(2, 'Sent')]);
    await load('attempts/2', table, [attempt(1, 'Deferred: busy')]);
    expect(await query(`SELECT stat_class FROM latest_${table} WHERE qid = '4B7FATT0000001'`)).toEqual([
      { stat_class: 'sent' },
    ]);
  });
});

describe('the views of a lake', () => {
  const snapshots = async () =>
    (await query(`SELECT count(*)::INTEGER AS n FROM ducklake_snapshots('lake')`))[0]?.['n'];

  it('are made once: opening the lake again changes nothing', async () => {
    const before = await snapshots();
    await (await openLake(settings)).close();
    expect(await snapshots()).toBe(before);
  });

  it('are made anew where their definition is another', async () => {
    const view = 'latest_proofpoint_tap_clicks_blocked';
    const opened = await openLakeInstance(settings, { readOnly: false });
    const connection = await opened.connect();
    await connection.run(`CREATE OR REPLACE VIEW lake.${view} AS SELECT 1 AS old`);
    connection.closeSync();
    opened.close();
    const before = Number(await snapshots());
    await (await openLake(settings)).close();
    expect(await snapshots()).toBe(before + 1);
    expect(Object.keys((await query(`SELECT * FROM ${view}`))[0] ?? {})).toContain('click_id');
  });
});
