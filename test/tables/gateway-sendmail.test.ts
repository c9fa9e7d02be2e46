import { describe, expect, it } from 'vitest';
import { readRelay, statClass } from '../../tables/mail-transfer.ts';
import { extraOf, filled, fixture, micros, origin, parse, rowOf } from './parsing.ts';

const table = 'proofpoint_gateway_sendmail_logs';
const at = (index: number) => rowOf(table, fixture(table)[index] ?? '');

describe('sendmail logs', () => {
  it('become rows of receipt', () => {
    const row = at(0);
    expect(row).toMatchObject({
      record_kind: 'from',
      qid: '4B7Fq2hT019283',
      mail_from: 'bounces=4471@northwind.example',
      sender_domain: 'northwind.example',
      size: 48_213,
      class: -60,
      nrcpts: 2,
      msgid: '20260311091502.7A31@mail.northwind.example',
      proto: 'ESMTP',
      auth: 'NONE',
      tls_verify: 'NO',
      tls_version: 'TLSv1.3',
      tls_cipher: 'TLS_AES_256_GCM_SHA384',
      relay: 'mail.northwind.example [198.51.100.24] (may be forged)',
      relay_host: 'mail.northwind.example',
      relay_ip: '198.51.100.24',
    });
    expect(extraOf(row)).toEqual({ bodytype: '8BITMIME' });
  });

  it('become rows of delivery', () =>
    expect(filled(at(1))).toEqual({
      event_time: micros('2026-03-11T10:15:09Z'),
      log_time: micros('2026-03-11T10:15:09Z'),
      time_source: 'record+object',
      host: 'gw1',
      process: 'sendmail',
      pid: 20_418,
      qid: '4B7Fq2hT019283',
      record_kind: 'to',
      rcpt_to: ['lena.park@harbor.example', 'desk@harbor.example'],
      ctladdr: 'svc@harbor.example',
      delay_s: 147_061,
      xdelay_s: 1,
      mailer: 'esmtp',
      pri: 169_213,
      relay: 'mx.harbor.example. [IPv6:2001:db8::10]',
      relay_host: 'mx.harbor.example',
      relay_ip: '2001:db8::10',
      dsn: '2.0.0',
      stat: 'Sent (<a@b> [InternalId=118, Hostname=ex1.harbor.example] 48871 bytes in 0.101, 471.2 KB/sec)',
      stat_class: 'sent',
    }));

  it('may have no header but the program', () =>
    expect(at(2)).toMatchObject({
      process: 'queued-reinject',
      host: null,
      event_time: origin.fallbackTime,
      time_source: 'object',
      rcpt_to: ['jae.kim@harbor.example'],
      stat_class: 'bounced',
    }));

  it('may be about TLS, a ruleset, or something else', () => {
    expect(at(3)).toMatchObject({
      record_kind: 'starttls',
      tls_version: 'TLSv1.3',
      tls_verify: 'OK',
      relay_host: 'mx.harbor.example',
    });
    expect(extraOf(at(3))).toEqual({ STARTTLS: 'client', bits: '256/256' });
    expect(at(4)).toMatchObject({
      record_kind: 'ruleset',
      arg1: 'nobody@harbor.example',
      relay_ip: '203.0.113.7',
      reject: '550 5.7.1 <nobody@harbor.example>... Relaying denied, bits=0',
      obs_email: ['nobody@harbor.example'],
    });
    expect(extraOf(at(4))).toEqual({ ruleset: 'check_rcpt' });
    expect(at(5)).toMatchObject({
      record_kind: 'other',
      message: 'timeout waiting for input from mx.harbor.example during client greeting',
    });
  });

  it('tell a null sender, no TLS and an odd delay', () => {
    const row = rowOf(table, 'from=<>, size=12, tls_verify=NONE, tls_version=NONE, cipher=NONE, delay=soon');
    expect(row).toMatchObject({
      record_kind: 'from',
      mail_from: null,
      tls_verify: 'NONE',
      tls_version: null,
      delay_s: null,
    });
    expect(extraOf(row)).toEqual({ delay: 'soon' });
  });

  it('have what is searched for in rejections and authentication', () => {
    const rejected = 'ruleset=check_relay, arg1=mail.evil.example, arg2=203.0.113.9, reject=553 5.3.0 no';
    expect(rowOf(table, rejected)).toMatchObject({ obs_domain: ['mail.evil.example'], obs_ip: ['203.0.113.9'] });
    const authenticated = 'AUTH=server, relay=h [192.0.2.1], authid=bob@harbor.example, mech=PLAIN, bits=0';
    expect(rowOf(table, authenticated)).toMatchObject({
      authid: 'bob@harbor.example',
      obs_email: ['bob@harbor.example'],
    });
  });

  it('keep recipients whole whose address holds a comma', () =>
    expect(rowOf(table, 'to=<"doe, john"@a.example>,<b@a.example>, stat=Sent')).toMatchObject({
      rcpt_to: ['"doe, john"@a.example', 'b@a.example'],
      stat_class: 'sent',
    }));

  it('are dead letters without header and pairs', () => {
    expect(parse(table, 'who are you').reject?.code).toBe('unknown_line');
    expect(rowOf(table, 'who=you')).toMatchObject({ record_kind: 'other', message: 'who=you' });
  });
});

describe('readRelay', () => {
  it.each([
    ['mx.a.example. [192.0.2.1]', 'mx.a.example', '192.0.2.1'],
    ['MX.a.example [192.0.2.1] (may be forged)', 'mx.a.example', '192.0.2.1'],
    ['[192.0.2.1] [192.0.2.1]', null, '192.0.2.1'],
    ['[192.0.2.1]', null, '192.0.2.1'],
    ['[smtp.a.example] [192.0.2.1]', 'smtp.a.example', '192.0.2.1'],
    ['[smtp.a.example.]', 'smtp.a.example', null],
    ['[IPv6:2001:db8::1] [IPv6:2001:db8::1]', null, '2001:db8::1'],
    ['root@[192.0.2.1]', null, '192.0.2.1'],
    ['mx.a.example [UNAVAILABLE]', 'mx.a.example', null],
    ['mx.a.example [123.456.789.012]', 'mx.a.example', '123.456.789.012'],
    ['[smtp.a', null, null],
    ['mx.a.example.', 'mx.a.example', null],
    ['mx. [IPv6:2a02:cf40::]', 'mx', '2a02:cf40::'],
    ['root@localhost', 'localhost', null],
    ['host [', 'host', null],
    ['. []', null, null],
  ])('%s', (relay, relay_host, relay_ip) => expect(readRelay(relay)).toEqual({ relay_host, relay_ip }));
});

describe('what became of a message', () => {
  it.each([
    ['to=<a@b.example>, dsn=5.1.1, stat=Sent (so says the remote server)', 'rejected'],
    ['ruleset=check_rcpt, arg1=<a@b.example>, reject=550 5.7.1 no', 'rejected'],
    ['ruleset=check_rcpt, arg1=<a@b.example>, reject=451 4.7.1 later', 'delayed'],
    ['ruleset=check_rcpt, arg1=<a@b.example>, relay=h [192.0.2.1], discard', 'dropped'],
    ['ruleset=check_rcpt, arg1=<a@b.example>, quarantine=spam', 'quarantined'],
    ['Milter: to=<a@b.example>, reject=550 5.7.1 no', 'rejected'],
    ['Milter: data, reject=554 5.7.1 no', 'rejected'],
    ['Milter add: header: X-Spam: reject=no', null],
  ])('%s', (line, disposition) => {
    const row = rowOf(table, `2026-03-11T10:15:08+00:00 gw1 sendmail[1]: 4B7Fq2hT019283: ${line}`);
    expect(row['disposition']).toBe(disposition);
  });

  it('is known of those whom it was about, and of no mark for more of them', () => {
    const header = '2026-03-11T10:15:08+00:00 gw1 sendmail[1]: 4B7Fq2hT019283:';
    expect(rowOf(table, `${header} Milter: to=<a@b.example>, reject=550 no`)['obs_email']).toEqual(['a@b.example']);
    expect(rowOf(table, `${header} to=<a@b.example>,<c@b.example>, [more], delay=00:00:01, stat=Sent`)).toMatchObject({
      rcpt_to: ['a@b.example', 'c@b.example'],
      delay_s: 1,
    });
  });
});

describe('statClass', () => {
  it.each([
    ['Sent (ok)', '2.0.0', 'sent'],
    ['queued', null, 'queued'],
    ['Deferred: Connection refused by a.', '4.0.0', 'deferred'],
    ['User unknown', '5.1.1', 'bounced'],
    ['Host unknown (Name server: a: host not found)', '4.1.2', 'deferred'],
    ['Service unavailable', null, null],
  ])('%s', (stat, dsn, expected) => expect(statClass(stat, dsn)).toBe(expected));
});

describe('disposition', () => {
  it.each([
    ['to=<a@b>, dsn=2.0.0, stat=Sent', 'delivered', 1],
    ['to=<a@b>, dsn=4.0.0, stat=Deferred', 'delayed', 14],
    ['to=<a@b>, dsn=5.1.1, stat=User unknown', 'rejected', 25],
    ['ruleset=check_rcpt, arg1=<a@b>, reject=550 5.7.1 no', 'rejected', 25],
    ['from=<a@b>, size=1', null, 0],
  ])('of %s is %s', (line, disposition, id) =>
    expect(rowOf(table, line)).toMatchObject({ disposition, disposition_id: id }),
  );
});

describe('values that are almost right', () => {
  it.each([
    ['ctladdr=<a@b.example> (8/0)', { ctladdr: 'a@b.example' }],
    ['ctladdr=root@h.example (0/0)', { ctladdr: 'root@h.example', obs_email: ['root@h.example'] }],
    ['ctladdr=root (0/0)', { ctladdr: 'root' }],
    ['ctladdr=root (0/x)', { ctladdr: 'root (0/x)' }],
    ['ctladdr=<a@b.example>', { ctladdr: 'a@b.example' }],
    ['ctladdr=<a@b.example> (8/0), newkey=5', { ctladdr: '<a@b.example> (8/0), newkey=5' }],
    ['delay=1+00:00:01', { delay_s: 86_401 }],
    ['delay=1.5+00:00:01', { delay_s: null, extra: new Map([['delay', '1.5+00:00:01']]) }],
  ])('to=<x>, %s', (equate, expected) => expect(rowOf(table, `to=<x>, ${equate}`)).toMatchObject(expected));
});
