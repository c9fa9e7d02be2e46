import { describe, expect, it } from 'vitest';
import { extraOf, filled, fixture, micros, origin, rowOf } from './parsing.ts';

const permitted = 'proofpoint_tap_clicks_permitted';
const blocked = 'proofpoint_tap_clicks_blocked';

describe('TAP clicks', () => {
  it('become rows, the domain taken from the URL', () =>
    expect(filled(rowOf(permitted, fixture(permitted)[0] ?? ''))).toEqual({
      event_time: micros('2026-03-11T09:52:30Z'),
      time_source: 'record',
      click_id: '1c2d3e4f-0a1b-4c5d-8e9f-001122334455',
      click_time: micros('2026-03-11T09:52:30Z'),
      threat_time: micros('2026-03-11T11:02:41Z'),
      url: 'http://pay.northwind-portal.example/4471',
      url_domain: 'pay.northwind-portal.example',
      classification: 'phish',
      click_ip: '192.0.2.77',
      user_agent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/148.0',
      envelope_from: 'b1946ac92492d2347c6235b4d2611184@northwind.example',
      sender_domain: 'northwind.example',
      recipient: 'lena.park@harbor.example',
      sender_ip: '198.51.100.24',
      guid: 'Xk9vP2mQ7rT4wY8z',
      message_id: '20260311091502.7A31@mail.northwind.example',
      campaign_id: '0f6d1a0e-2b7c-4d9b-8a55-1f2e3d4c5b6a',
      threat_id: 'c157a79031e1c40f85931829bc5fc552b5f3d4a1e1f1b8f0a7b0f4f7c9d2e6a1',
      threat_status: 'active',
      threat_url: 'https://threatinsight.proofpoint.com/threat/c157a790',
    }));

  it('may be written in snake_case', () => {
    const row = rowOf(blocked, fixture(blocked)[0] ?? '');
    expect(row).toMatchObject({
      event_time: micros('2026-03-11T11:40:03Z'),
      click_ip: '192.0.2.78',
      user_agent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_2 like Mac OS X)',
      guid: 'Xk9vP2mQ7rT4wY8z',
      campaign_id: null,
      threat_status: 'active',
      url_domain: 'pay.northwind-portal.example',
    });
    expect(extraOf(row)).toEqual({});
  });

  it('may name the recipient in a list', () => {
    expect(rowOf(blocked, { recipient: ['a@b.example'] })).toMatchObject({
      recipient: 'a@b.example',
      other_recipients: null,
      obs_email: ['a@b.example'],
    });
    const row = rowOf(blocked, { recipient: ['a@b.example', 'c@b.example'] });
    expect(row).toMatchObject({
      recipient: 'a@b.example',
      other_recipients: ['c@b.example'],
      obs_email: ['a@b.example', 'c@b.example'],
    });
    expect(extraOf(row)).toEqual({ recipient: '["a@b.example","c@b.example"]' });
    expect(rowOf(blocked, { Recipient: ['a@b.example', 'c@b.example'] })).toMatchObject({
      other_recipients: ['c@b.example'],
      obs_email: ['a@b.example', 'c@b.example'],
    });
  });

  it('without a usable recipient are rows all the same', () =>
    expect(rowOf(blocked, { recipient: { of: 'a@b.example' } })).toMatchObject({
      recipient: null,
      other_recipients: null,
    }));

  it.each([
    ['bad.example/r?u=http://good.example', 'bad.example'],
    ['https://urldefense.com/v3/__https://Bad.example/x__;!!abc!def$', 'bad.example'],
    ['https://urldefense.com/v3/__https://bad.example/x', 'urldefense.com'],
    ['http://3221225985/x', '192.0.2.1'],
    ['http://intranet/x', 'intranet'],
    ['no URL', null],
  ])('of %s have the domain %s, and the URL as given', (url, url_domain) =>
    expect(rowOf(permitted, { url })).toMatchObject({ url, url_domain }),
  );

  it.each([
    [
      { eventTime: '2026-03-12T00:00:00Z', threatTime: '2026-03-10T00:00:00Z' },
      micros('2026-03-12T00:00:00Z'),
      'record',
    ],
    [{ threatTime: '2026-03-10T00:00:00Z' }, micros('2026-03-10T00:00:00Z'), 'record'],
    [{ url: 'http://a.example' }, origin.fallbackTime, 'object'],
  ])('take their time from %j', (record, event_time, time_source) =>
    expect(rowOf(permitted, record)).toMatchObject({ event_time, time_source }),
  );

  it.each([
    [permitted, 'allowed', 1],
    [blocked, 'blocked', 2],
  ] as const)('of %s are %s', (table, disposition, id) =>
    expect(rowOf(table, { id: 'c' })).toMatchObject({ disposition, disposition_id: id, class_uid: 4002 }),
  );
});
