import { describe, expect, it } from 'vitest';
import { eventId } from '../../tables/identity.ts';
import { extraOf, fixture, micros, rowOf } from './parsing.ts';

const table = 'proofpoint_on_demand_message';
const row = rowOf(table, fixture(table)[0] ?? '');

describe('PoD messages', () => {
  it('become rows', () =>
    expect(row).toMatchObject({
      event_time: micros('2026-03-11T09:15:07.481Z') + 920,
      guid: 'Xk9vP2mQ7rT4wY8z',
      cluster_id: 'harbor_hosted',
      pps_agent: 'm0042.harbor.example',
      pps_version: '8.22.1.60',
      conn_ip: '198.51.100.24',
      conn_sid: '3qk7d2m9xa',
      tls_in_version: 'TLSv1.3',
      tls_in_cipher_bits: 256,
      envelope_from: 'bounces=4471@northwind.example',
      sender_domain: 'northwind.example',
      header_from: ['Northwind Billing <billing@northwind.example>'],
      parsed_from: ['billing@northwind.example'],
      subject: 'Invoice 4471 is overdue',
      message_id: '20260311091502.7A31@mail.northwind.example',
      x_originating_ip: ['10.20.30.40'],
      msg_size: 47_770,
      filter_msg_size: 48_213,
      qid: '4B7Fq2hT019283',
      start_time: micros('2026-03-11T09:15:07.069Z') + 920,
      duration_s: 0.412,
      is_msg_encrypted: false,
      quarantine_folder: null,
      spf_result: 'pass',
      dkim: [{ domain: 'northwind.example', selector: 's1', result: 'pass' }],
      dmarc_result: 'pass',
      dmarc_alignment: '[{"fromDomain":"northwind.example","results":[{"method":"spf","result":"relaxed"}]}]',
      spam_score: 3,
      score_suspect: 9,
      triggered_classifier: null,
      av_virus_names: ['Test.Virus'],
      urls_rewritten: 1,
    }));

  it('name the action that decided, from the final one of the list', () => {
    expect(row).toMatchObject({ final_action: 'continue', final_module: 'urldefense', final_rule: 'rewrite' });
    const named = rowOf(table, {
      final_action: 'discard',
      filter: { actions: [{ action: 'continue', isFinal: true }] },
    });
    expect(named).toMatchObject({ final_action: 'discard', final_module: null });
  });

  it('keep parts and their URLs nested, and the metadata that senders write as JSON', () =>
    expect(row['parts']).toEqual([
      expect.objectContaining({
        name: 'text.html',
        labeled_name: 'text.html',
        size: 6120,
        is_archive: false,
        metadata: '{"":"x","__proto__":"y","a.b":1}',
        urls: [
          { url: 'http://pay.northwind-portal.example/4471', src: ['filter', 'urldefense'], is_rewritten: true },
          { url: 'mailto:billing@northwind.example', src: ['filter'], is_rewritten: null },
        ],
      }),
    ]));

  it('keep the undecoded header and what has no column', () =>
    expect(extraOf(row)).toEqual({
      'msg.header.from': '["=?utf-8?q?Northwind_Billing?= <billing@northwind.example>"]',
      'msgParts[0].dataBase64': 'U0NBTEFSKDB4NTUp',
    }));

  it('without pps take the cluster from metadata, and without a normalised header the other', () =>
    expect(
      rowOf(table, {
        metadata: { origin: { data: { cid: 'c', agent: 'a', version: 'v' } } },
        msg: { header: { subject: ['s'] } },
      }),
    ).toMatchObject({ cluster_id: 'c', pps_agent: 'a', pps_version: 'v', subject: 's' }));

  it('take the undecoded header where the normalised one has no items', () => {
    const message = rowOf(table, {
      msg: {
        normalizedHeader: { from: [], to: [''] },
        header: { from: ['Foo <foo@northwind.example>'], to: ['bar@harbor.example'] },
      },
    });
    expect(message).toMatchObject({
      header_from: ['Foo <foo@northwind.example>'],
      header_to: ['bar@harbor.example'],
      obs_email: ['foo@northwind.example', 'bar@harbor.example'],
      extra: new Map(),
    });
  });

  it('are different where an integer differs that no number holds, and keep its digits', () => {
    const one = rowOf(table, '{"guid":"g","n":9007199254740993,"id":12345678901234567890}');
    const other = rowOf(table, '{"guid":"g","n":9007199254740992,"id":12345678901234567890}');
    expect(other['event_id']).not.toBe(one['event_id']);
    expect(extraOf(one)).toEqual({ n: '9007199254740993', id: '12345678901234567890' });
    const turned = rowOf(table, '{"id":12345678901234567890,"n":9007199254740993,"guid":"g"}');
    expect(turned['event_id']).toBe(one['event_id']);
  });

  it('keep their identity where numbers hold what they say', () =>
    expect(rowOf(table, { guid: 'g', n: 9_007_199_254_740_991, f: 0.5 })['event_id']).toBe(
      eventId(table, '{"f":0.5,"guid":"g","n":9007199254740991}'),
    ));

  it('are different where a number is too large to be told', () =>
    expect(rowOf(table, '{"n":1e400}')['event_id']).not.toBe(rowOf(table, '{"n":1e500}')['event_id']));

  it.each([
    [{ disposition: 'continue' }, 'allowed', 1],
    [{ disposition: 'continue', quarantine: { folder: 'Audit' } }, 'allowed', 1],
    [{ disposition: 'discard' }, 'dropped', 6],
    [{ disposition: 'discard', quarantine: { folder: 'Phish' } }, 'quarantined', 3],
    [{ disposition: 'retry' }, 'delayed', 14],
    [{ disposition: 'toString' }, 'other', 99],
    [{}, null, 0],
  ])('of filter %j are %s', (filter, disposition, id) =>
    expect(rowOf(table, { guid: 'g', filter })).toMatchObject({ disposition, disposition_id: id }),
  );
});
