/** Public samples of the vendor's records, read where they lie beside the checkout. Expectations are written by hand from the samples. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tables } from '../../tables/registry.ts';
import type { TableName } from '../../tables/table.ts';
import { extraOf, hasSamples, micros, parse, rowOf, samplesPath } from './parsing.ts';

const read = (path: string) => readFileSync(`${samplesPath}/${path}`, 'utf8');
const lines = (path: string) => read(path).trimEnd().split('\n');

const arrays: Record<string, TableName> = {
  messagesDelivered: 'proofpoint_tap_messages_delivered',
  messagesBlocked: 'proofpoint_tap_messages_blocked',
  clicksPermitted: 'proofpoint_tap_clicks_permitted',
  clicksBlocked: 'proofpoint_tap_clicks_blocked',
};

function tapRecords(): [TableName, object][] {
  return readdirSync(`${samplesPath}/tap`)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => Object.entries(JSON.parse(read(`tap/${file}`)) as Record<string, unknown>))
    .flatMap(([key, records]) => {
      const table = arrays[key];
      return table === undefined ? [] : (records as object[]).map((record): [TableName, object] => [table, record]);
    });
}

function podRecords(file: string, table: TableName): [TableName, object][] {
  return (JSON.parse(read(`pod/${file}`)) as object[]).map((record) => [table, record]);
}

describe.skipIf(!hasSamples)('the public samples', () => {
  it('of TAP, PoD and the gateway all become rows that their schemas accept', () => {
    const records: [TableName, string | object][] = [
      ...tapRecords(),
      ...podRecords('ProofpointPOD_message_CL.json', 'proofpoint_on_demand_message'),
      ...podRecords('ProofpointPOD_maillog_CL.json', 'proofpoint_on_demand_maillog'),
      ...lines('gateway/filter.log').map((line): [TableName, string] => ['proofpoint_gateway_filter_logs', line]),
      ...lines('gateway/sendmail.log').map((line): [TableName, string] => ['proofpoint_gateway_sendmail_logs', line]),
    ];
    expect(records.length).toBeGreaterThan(60);
    for (const [table, record] of records) {
      const row = rowOf(table, record);
      expect(tables[table].row.parse(row)).toEqual(row);
    }
  });

  it('of the messages blocked document', () => {
    const row = rowOf('proofpoint_tap_messages_blocked', read('seed/messages_blocked.json'));
    expect(row).toMatchObject({
      event_time: micros('2021-12-01T18:21:31Z'),
      recorded_time: micros('2021-12-13T10:40:10.744Z'),
      event_type: 'messagesBlocked',
      subject: 'NewFaxReceived-12/2/2021',
      completely_rewritten: 'false',
      spam_score: 100,
      phish_score: 100,
      malware_score: 0,
      impostor_score: 0,
      message_size: 9569,
      quarantine_folder: 'Phish',
      quarantine_rule: 'inbound_phish',
      policy_routes: ['default_inbound'],
      modules_run: ['av', 'spf', 'sandbox', 'dkimv', 'spam', 'urldefense'],
      reply_to_addresses: [],
      x_mailer: null,
      active_threat_count: 1,
      has_campaign: false,
    });
    expect(row['threats']).toEqual([
      expect.objectContaining({
        type: 'url',
        classification: 'phish',
        time: micros('2021-12-13T10:24:36Z'),
        campaign_id: null,
      }),
    ]);
    expect(row['parts']).toEqual([
      expect.objectContaining({ content_type: 'text/html', sandbox_status: 'NOT_SUPPORTED' }),
    ]);
    expect(extraOf(row)).toEqual({});
  });

  it('of the messages delivered document', () => {
    const row = rowOf('proofpoint_tap_messages_delivered', read('seed/messages_delivered.json'));
    expect(row).toMatchObject({
      event_time: micros('2021-12-12T22:16:58Z'),
      recorded_time: null,
      quarantine_folder: 'Audit',
      completely_rewritten: 'true',
      message_size: 24_546,
    });
    expect(extraOf(row)).toEqual({});
  });

  it('of the clicks document: one permitted, and one blocked that is no JSON', () => {
    const row = rowOf('proofpoint_tap_clicks_permitted', read('seed/clicks_permitted.json'));
    expect(row).toMatchObject({
      event_time: micros('2021-12-06T08:43:36Z'),
      threat_time: micros('2021-12-08T19:46:14Z'),
      classification: 'spam',
      campaign_id: null,
      threat_status: 'active',
      url_domain: 'String',
    });
    expect(extraOf(row)).toEqual({});
    expect(parse('proofpoint_tap_clicks_blocked', read('seed/clicks_blocked.invalid.json')).reject?.code).toBe(
      'invalid_json',
    );
  });

  it('of the two text lines of the document', () => {
    const document = readdirSync(`${samplesPath}/seed`).find((file) => file.endsWith('.txt')) ?? '';
    const text = lines(`seed/${document}`);
    const filter = text.find((line) => line.includes('filter_instance1[')) ?? '';
    const sendmail = text.find((line) => line.includes('sendmail[')) ?? '';
    expect(rowOf('proofpoint_gateway_filter_logs', filter)).toMatchObject({
      event_time: micros('2022-02-20T14:35:00.157Z') + 994,
      host: 'myserver123',
      process: 'filter_instance1',
      pid: 21_074,
      tag: 'rprt',
      sid: '3ebnb6gs7y',
      mod: 'session',
      cmd: 'disconnect',
      module: null,
      helo: 'mydomain.com',
      msgs: 1,
      rcpts: 1,
      routes: ['allow_relay', 'firewallsafe'],
      duration_s: 0.085,
      elapsed_s: 0.176,
      extra: new Map(),
    });
    expect(rowOf('proofpoint_gateway_sendmail_logs', sendmail)).toMatchObject({
      event_time: micros('2022-02-20T14:34:59.967Z') + 502,
      qid: null,
      record_kind: 'to',
      rcpt_to: ['mail@tempmail.com'],
      delay_s: 147_061,
      xdelay_s: 0,
      tls_version: null,
      pri: 3_285_075,
      relay_host: 'tempdomain.com',
      relay_ip: '165.231.167.17',
      dsn: '4.0.0',
      stat: 'Deferred: Connection refused by temdomain.com.',
      stat_class: 'deferred',
      extra: new Map(),
    });
  });

  it('of a PoD message', () => {
    const [, record] = podRecords('ProofpointPOD_message_CL.json', 'proofpoint_on_demand_message')[2] ?? ['', {}];
    expect(rowOf('proofpoint_on_demand_message', record)).toMatchObject({
      event_time: micros('2020-11-05T11:59:26.305Z') + 30,
      envelope_from: 'msprvs1=18578lsffgka7=bounces-280047@bounce.smartsheet.com',
      subject: 'SSUse23',
      message_id: '61.99.33930.C19E3AF5@af.mta1vrest.cc.prd.sparkpost',
      qid: '0A5BtbKi013195',
      final_module: 'pdr',
      score_suspect: 25,
      dkim: [{ domain: 'app.smartsheet.com', selector: 'scph0620', result: 'pass' }],
    });
  });

  it('of a blocked message of the API', () => {
    const [, record] = tapRecords().find(
      ([table, item]) => table === 'proofpoint_tap_messages_blocked' && 'headerTo' in item,
    ) ?? ['', {}];
    expect(rowOf('proofpoint_tap_messages_blocked', record)).toMatchObject({
      guid: 'c26dbea0-80d5-463b-b93c-4e8b708219ce',
      header_from_addr: 'badguy@evil.zz',
      envelope_rcpts: ['clark.kent@pharmtech.zz', 'diana.prince@pharmtech.zz'],
      active_threat_count: 1,
      has_campaign: true,
      x_mailer: 'Spambot v2.5',
    });
  });
});
