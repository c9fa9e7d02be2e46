import { describe, expect, it } from 'vitest';
import { extraOf, filled, fixture, micros, origin, parse, rowOf } from './parsing.ts';

const delivered = 'proofpoint_tap_messages_delivered';
const blocked = 'proofpoint_tap_messages_blocked';
const at = (index: number) => fixture(delivered)[index] ?? '';
const idOf = (record: object) => rowOf(delivered, record)['event_id'];

describe('TAP messages', () => {
  it('become rows', () => {
    const row = rowOf(delivered, at(0));
    expect(row).toMatchObject({
      tenant_id: 'acme',
      batch_id: origin.batchId,
      source_ref: { uri: origin.uri, offset: 7, line: 3 },
      ingested_at: origin.ingestedAt,
      event_time: micros('2026-03-11T09:15:07Z'),
      time_source: 'record',
      guid: 'Xk9vP2mQ7rT4wY8z',
      tap_event_id: '5b1f0a52-3c1e-4a54-9d0e-7c2f8a9e0d11',
      qid: '4B7Fq2hT019283',
      message_id: '20260311091502.7A31@mail.northwind.example',
      cluster: 'harbor_hosted',
      envelope_from: 'b1946ac92492d2347c6235b4d2611184@northwind.example',
      sender_domain: 'northwind.example',
      envelope_rcpts: ['lena.park@harbor.example'],
      header_from: '"Northwind Billing" <billing@northwind.example>',
      header_from_addr: 'billing@northwind.example',
      header_reply_to: null,
      from_addresses: ['billing@northwind.example'],
      cc_addresses: [],
      reply_to_addresses: null,
      message_size: 48_213,
      phish_score: 12,
      impostor_score: 0,
      completely_rewritten: 'na',
      active_threat_count: 1,
      has_campaign: true,
      raw: at(0),
    });
    expect(row['parts']).toHaveLength(2);
    expect(row['parts']).toContainEqual({
      filename: 'Invoice 4471.pdf',
      md5: '9e107d9d372bb6826bd81d3542a419d6',
      sha256: 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592',
      content_type: 'application/pdf',
      declared_content_type: 'application/octet-stream',
      disposition: 'attached',
      sandbox_status: 'clean',
    });
    expect(extraOf(row)).toEqual({});
  });

  it('may be sparse, and spell threats in another way', () =>
    expect(filled(rowOf(delivered, at(1)))).toEqual({
      event_time: micros('2026-03-10T22:40:00Z'),
      time_source: 'record',
      guid: 'Qw2eR4tY6uI8oP0a',
      tap_event_id: '8d7c6b5a-4f3e-2d1c-0b9a-887766554433',
      cluster: 'harbor_hosted',
      message_time: micros('2026-03-10T22:40:00Z'),
      sender_ip: '2001:db8::25',
      envelope_rcpts: ['omar.diaz@harbor.example'],
      message_size: 0,
      spam_score: 0,
      phish_score: 0,
      malware_score: 0,
      impostor_score: 0,
      completely_rewritten: 'false',
      threats: [
        {
          threat_id: 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592',
          type: 'ATTACHMENT',
          classification: 'MALWARE',
          status: null,
          time: micros('2026-03-11T08:00:12Z'),
          artifact: 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592',
          url: 'https://threatinsight.proofpoint.com/threat/d7a8fbb3',
          campaign_id: null,
          detection_type: 'NONE',
          actors: [{ id: 'a-17', name: 'Silent Heron', type: 'crime' }],
        },
      ],
      active_threat_count: 0,
      has_campaign: false,
    }));

  it('may have the documented spellings, numbers as text, one address as text, and new fields', () => {
    const row = rowOf(blocked, fixture(blocked)[0] ?? '');
    expect(row).toMatchObject({
      cluster: 'harbor_hosted',
      malware_score: 0,
      message_size: 9569,
      impostor_score: 88.5,
      completely_rewritten: 'true',
      from_addresses: ['it-help@harb0r.example'],
      header_to: '"Kim, Jae" <jae.kim@harbor.example>',
      header_cc: 'desk@harbor.example',
      event_type: 'messagesBlocked',
      recorded_time: micros('2026-03-11T09:31:12.250Z'),
      parts: [],
    });
    expect(extraOf(row)).toEqual({ riskTags: '["vip","lookalike"]' });
  });

  it.each([
    [{ messageTime: '2026-03-11T00:00:00Z', eventTime: '2026-03-12T00:00:00Z' }, '2026-03-11T00:00:00Z'],
    [{ messageTime: null, eventTime: '2026-03-12T00:00:00Z' }, '2026-03-12T00:00:00Z'],
    [
      { threatsInfoMap: [{ threatTime: '2026-03-01T00:00:00Z' }, { threatTime: '2026-03-05T00:00:00Z' }, {}] },
      '2026-03-05T00:00:00Z',
    ],
  ])('take their time from %j', (record, expected) =>
    expect(rowOf(delivered, record)).toMatchObject({ event_time: micros(expected), time_source: 'record' }),
  );

  it('without a readable time have the time of their source, and keep what they said', () => {
    const row = rowOf(delivered, { messageTime: '0000-00-00T00:00:00Z', threatsInfoMap: [{ threatTime: 5 }] });
    expect(row).toMatchObject({ event_time: origin.fallbackTime, time_source: 'object', message_time: null });
    expect(extraOf(row)).toEqual({ messageTime: '0000-00-00T00:00:00Z', 'threatsInfoMap[0].threatTime': '5' });
  });

  it('are the same event whatever the order of keys and parts', () => {
    const record = JSON.parse(at(0)) as Record<string, unknown>;
    const shuffled = Object.fromEntries(Object.entries(record).reverse());
    shuffled['messageParts'] = (record['messageParts'] as object[]).toReversed();
    shuffled['modulesRun'] = (record['modulesRun'] as string[]).toReversed();
    expect(idOf(shuffled)).toBe(idOf(record));
    expect(idOf(record)).toMatch(/^[0-9a-f]{32}$/);
  });

  it('are another event when a verdict changes, for another recipient, and in another table', () => {
    const record = JSON.parse(at(0)) as { threatsInfoMap: object[] };
    const cleared = { ...record, threatsInfoMap: [{ ...record.threatsInfoMap[0], threatStatus: 'cleared' }] };
    const ids = [record, cleared, { ...record, recipient: ['other@harbor.example'] }].map(idOf);
    expect(new Set([...ids, rowOf(blocked, record)['event_id']]).size).toBe(4);
  });

  it.each([
    ['{"a":', 'invalid_json'],
    ['', 'invalid_json'],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'invalid_json'],
    ['[]', 'not_an_object'],
    ['null', 'not_an_object'],
    ['"text"', 'not_an_object'],
    ['{}', 'invalid_record'],
  ])('are dead letters where they are no records: %j', (record, code) => {
    const { reject, row } = parse(delivered, record);
    expect(row).toBeUndefined();
    expect(reject?.code).toBe(code);
    expect(reject?.reason).toMatch(/must/);
  });

  it('nested without end are rows, told apart by their text', () => {
    const deep = (leaf: string) => `{"GUID":"g","deep":${'['.repeat(100_000)}${leaf}${']'.repeat(100_000)}}`;
    const row = rowOf(delivered, deep('1'));
    expect(row).toMatchObject({ guid: 'g', raw: deep('1') });
    expect(row.extra.get('deep')).toContain('see raw');
    expect(rowOf(delivered, deep('2'))['event_id']).not.toBe(row['event_id']);
  });

  it('with thousands of hostile keys keep them all', () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `"__proto__${index}":${index}`);
    const row = rowOf(delivered, `{"__proto__":{"guid":"x"},"":"empty",${keys.join(',')}}`);
    expect(row.extra.size).toBe(20_002);
    expect(row.extra.get('__proto__')).toBe('{"guid":"x"}');
    expect(row['guid']).toBeNull();
  });

  it.each([
    [delivered, { quarantineFolder: 'Audit' }, 'delivered', 1],
    [blocked, { quarantineFolder: 'Phish' }, 'quarantined', 3],
    [blocked, { quarantineFolder: null }, 'blocked', 2],
  ] as const)('of %s with %j are disposed of', (table, fields, disposition, id) =>
    expect(rowOf(table, { GUID: 'g', ...fields })).toMatchObject({ disposition, disposition_id: id }),
  );
});
