import { describe, expect, it } from 'vitest';
import { extraOf, filled, fixture, micros, rowOf } from './parsing.ts';

const table = 'proofpoint_on_demand_maillog';
const at = (index: number) => rowOf(table, fixture(table)[index] ?? '');

describe('PoD maillog', () => {
  it('believes the line, where the service cuts values', () => {
    const row = at(0);
    expect(row).toMatchObject({
      event_time: micros('2026-03-11T09:15:08.120Z') + 34,
      ml_id: 'kQ2x+7bT1YwZs3VdM0aLxg',
      customer_id: '7f9c2ba4',
      qid: '4B7Fq2hT019283',
      record_kind: 'from',
      sm_from: 'bounces=4471@northwind.example',
      sender_domain: 'northwind.example',
      size: 48_213,
      class: -60,
      nrcpts: 1,
      msgid: '20260311091502.7A31@mail.northwind.example',
      tls_verify: 'NONE',
      tls_version: null,
      relay_host: 'm0042.harbor.example',
      relay_ip: '127.0.0.1',
      stat_class: null,
    });
    expect(extraOf(row)).toEqual({ 'metadata.origin.schemaVersion': '20200420' });
  });

  it('has no queue id where there was no queue', () =>
    expect(rowOf(table, '{"id":"1","sm":{"qid":"NOQUEUE"}}')['qid']).toBeNull());

  it('has the whole outcome of a delivery', () =>
    expect(at(1)).toMatchObject({
      record_kind: 'to',
      sm_to: ['lena.park@harbor.example'],
      delay_s: 2,
      pri: 169_213,
      relay: 'mx.harbor.example. [192.0.2.10]',
      relay_host: 'mx.harbor.example',
      stat: 'Sent (<20260311091502.7A31@mail.northwind.example> [InternalId=118, Hostname=ex1.harbor.example] 48871 bytes in 0.101, 471.2 KB/sec Queued mail for delivery)',
      stat_class: 'sent',
      tls_version: 'TLSv1.3',
      extra: new Map(),
    }));

  it('takes what the service read where there is no line', () =>
    expect(filled(at(2))).toEqual({
      event_time: micros('2026-03-11T09:16:00Z'),
      time_source: 'record',
      ts: micros('2026-03-11T09:16:00Z'),
      ml_id: 'nS4z+9dV3AyBu5XfO2cNzi',
      qid: '4B7G01aC020011',
      sm_to: ['jae.kim@harbor.example', '/dev/null'],
      delay_s: 86_405,
      pri: 120_812,
      dsn: '5.1.1',
      stat: 'User unknown',
      stat_class: 'bounced',
      relay: '[192.0.2.10] [192.0.2.10]',
      relay_ip: '192.0.2.10',
      record_kind: 'to',
    }));

  it('keeps what the service read where the line says something else', () => {
    const row = rowOf(table, {
      data: 'Q1234567: to=<a@b>, dsn=2.0.0, stat=Sent',
      sm: { to: ['<x@y>'], dsn: '4.0.0', stat: 'Se' },
    });
    expect(row).toMatchObject({ sm_to: ['a@b'], dsn: '2.0.0', stat: 'Sent', qid: 'Q1234567' });
    expect(extraOf(row)).toEqual({ 'sm.to': '["x@y"]', 'sm.dsn': '4.0.0' });
  });

  it('keeps the service’s reading of a line of another kind', () =>
    expect(rowOf(table, { data: 'nothing known', sm: { from: '<>', nrcpts: '2' } })).toMatchObject({
      record_kind: 'from',
      sm_from: null,
      nrcpts: 2,
    }));

  it('has what the line says of a rejection', () => {
    const row = rowOf(table, {
      data: 'NOQUEUE: ruleset=check_mail, arg1=<spam@evil.example>, relay=[203.0.113.7], reject=553 5.1.8 <spam@evil.example>... no',
    });
    expect(row).toMatchObject({
      record_kind: 'ruleset',
      disposition: 'rejected',
      disposition_id: 25,
      arg1: 'spam@evil.example',
      reject: '553 5.1.8 <spam@evil.example>... no',
      obs_email: ['spam@evil.example'],
      extra: new Map(),
    });
  });

  it('has what the line says of TLS and of a user', () => {
    expect(
      rowOf(table, { data: 'STARTTLS=client, relay=h., version=TLSv1.2, verify=OK, cipher=C, bits=256/256' }),
    ).toMatchObject({ record_kind: 'starttls', tls_version: 'TLSv1.2', tls_verify: 'OK', tls_cipher: 'C' });
    expect(rowOf(table, { data: 'AUTH=server, relay=h, authid=bob@harbor.example, mech=PLAIN' })).toMatchObject({
      authid: 'bob@harbor.example',
      obs_email: ['bob@harbor.example'],
    });
  });

  it('has the user in whose name sendmail delivered without its ids, wherever it stands', () => {
    expect(rowOf(table, { sm: { to: ['<a@b>'], ctladdr: 'root@h.example (0/0)' } })['ctladdr']).toBe('root@h.example');
    const row = rowOf(table, { data: 'to=<a@b>, ctladdr=root (0/0), stat=Sent', sm: { ctladdr: 'root (0/0)' } });
    expect(row).toMatchObject({ ctladdr: 'root', extra: new Map() });
  });

  it('without ts has the time of the line, if that has a year', () => {
    expect(rowOf(table, { data: '2026-03-11T10:00:00Z h sendmail[1]: to=a' })).toMatchObject({
      event_time: micros('2026-03-11T10:00:00Z'),
      time_source: 'record',
    });
    expect(rowOf(table, { data: 'Mar 11 10:00:00 h sendmail[1]: to=a' })).toMatchObject({ time_source: 'object' });
  });
});
