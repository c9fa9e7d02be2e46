import { describe, expect, it } from 'vitest';
import { tables } from '../../tables/registry.ts';
import { extraOf, filled, fixture, micros, origin, parse, rowOf } from './parsing.ts';

const table = 'proofpoint_gateway_filter_logs';
const at = (index: number) => rowOf(table, fixture(table)[index] ?? '');

describe('filter logs', () => {
  it('become rows', () => {
    const row = at(0);
    expect(filled(row)).toEqual({
      event_time: micros('2026-03-11T09:15:06.900Z') + 1,
      log_time: micros('2026-03-11T09:15:06.900Z') + 1,
      time_source: 'record',
      host: 'gw1',
      process: 'filter_instance1',
      pid: 3301,
      tag: 'rprt',
      sid: '3qk7d2m9xa',
      mod: 'session',
      cmd: 'connect',
      ip: '198.51.100.24',
      country: 'de',
      lip: '192.0.2.5',
      prot: 'smtp:smtp',
      hops_active: 'f',
      notroutes: ['allow_relay', 'firewallsafe'],
      perlwait_s: 0.001,
    });
    expect(extraOf(row)).toEqual({});
  });

  it('have the recipient of env_rcpt', () =>
    expect(at(1)).toMatchObject({
      value: 'lena.park@harbor.example',
      value_domain: 'harbor.example',
      routes: ['default_inbound'],
    }));

  it('have the attachment and its SHA-256', () => {
    expect(at(2)).toMatchObject({
      cmd: 'attachment',
      file: 'Invoice 4471.pdf',
      size: 41_022,
      sha256: 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592',
    });
    expect(extraOf(rowOf(table, 'mod=mail a=0'))).toEqual({ a: '0' });
  });

  it('have the message, with quotes and letters beyond ASCII in the subject', () => {
    const row = at(3);
    expect(row).toMatchObject({
      time_source: 'record+object',
      log_time: micros('2026-03-11T10:15:07Z'),
      subject: 'Invoice "4471" = überfällig, heute',
      guid: 'Xk9vP2mQ7rT4wY8z',
      hdr_mid: '20260311091502.7A31@mail.northwind.example',
      qid: '4B7Fq2hT019283',
      attachments: 1,
      rcpts: 1,
      module: null,
      duration_s: 0.412,
    });
    expect(extraOf(row)).toEqual({ syslog_priority: '134' });
  });

  it('keep keys without a column, and the second of two', () => {
    const row = at(4);
    expect(row).toMatchObject({ host: null, mod: 'spam', cmd: 'run', phishscore: 12, engine: '8.22.0, 18.0.687' });
    expect(extraOf(row)).toEqual({ 'kscore.is_bulkscore': '5', cmd: 'run' });
    expect(extraOf(rowOf(table, 'mod=a cmd=x cmd=y cmd=z eid= eid=2'))).toEqual({ cmd: 'y\nz', eid: '\n2' });
  });

  it('have the recipients where rcpts= names them', () => {
    expect(at(5)).toMatchObject({
      rcpts: null,
      envelope_rcpts: ['lena.park@harbor.example', 'desk@harbor.example'],
      tag: 'info',
      process: 'queued-default',
      extra: new Map(),
    });
    expect(extraOf(rowOf(table, 'cmd=send rcpts=many'))).toEqual({ rcpts: 'many' });
  });

  it.each([
    ['from=Bad@evil.example suborg=', { mail_from: 'Bad@evil.example' }, ['bad@evil.example']],
    ['from=<> suborg=', { mail_from: null }, null],
    ['rcpt=<lena.park@harbor.example>', { rcpt: 'lena.park@harbor.example' }, ['lena.park@harbor.example']],
    ['ofrom=a@evil.example', { ofrom: 'a@evil.example' }, ['a@evil.example']],
    ['header.from=a@evil.example', { header_from: 'a@evil.example' }, ['a@evil.example']],
  ])('have the addresses of %s', (equates, columns, obs_email) => {
    const row = rowOf(table, `mod=session cmd=data ${equates}`);
    expect(row).toMatchObject({ ...columns, obs_email });
    expect(extraOf(row)).toEqual(equates.includes('suborg') ? { suborg: '' } : {});
  });

  it('have the domain that DMARC judged', () =>
    expect(rowOf(table, 'mod=dmarc cmd=run result=fail header.from=Evil.example')).toMatchObject({
      header_from: 'Evil.example',
      obs_domain: ['evil.example'],
    }));

  it('have an address whose local part is quoted', () =>
    expect(rowOf(table, 'mod=mail cmd=env_from value="john doe"@evil.example qid=1')).toMatchObject({
      value: '"john doe"@evil.example',
      value_domain: 'evil.example',
      qid: '1',
      message: null,
    }));

  it('have recipients with commas', () =>
    expect(rowOf(table, 'cmd=send rcpts=<"doe,john"@a.example>,<b@a.example>')['envelope_rcpts']).toEqual([
      '"doe,john"@a.example',
      'b@a.example',
    ]));

  it('have a value without the brackets of its address', () =>
    expect(rowOf(table, 'mod=session cmd=env_from value=<user@x.example>')).toMatchObject({
      value: 'user@x.example',
      value_domain: 'x.example',
    }));

  it('have the scores of the spam module, and no drift from its other keys', () => {
    const row = rowOf(
      table,
      'rprt mod=spam cmd=run impostorscore=1 lowpriorityscore=2 mlxscore=3 mlxlogscore=999 priorityscore=1501 clxscore=1015 authscore=0 authtc= authcc= route=outbound',
    );
    expect(row).toMatchObject({ impostorscore: 1, lowpriorityscore: 2, mlxscore: 3 });
    const departure = (key: string, value: unknown) => tables[table].departure([key], value);
    expect(Array.from(row.extra.keys(), (key) => [key, departure(key, row.extra.get(key))])).toEqual(
      ['mlxlogscore', 'priorityscore', 'clxscore', 'authscore', 'authtc', 'authcc', 'route'].map((key) => [
        key,
        undefined,
      ]),
    );
    expect(departure('pid', '')).toBeUndefined();
  });

  it('keep the host of the connection apart from the host of the log', () =>
    expect(
      rowOf(table, 'Mar 11 10:15:07 gw1 filter_instance1[1]: rprt cmd=resolve host=mail.a.example resolve=ok'),
    ).toMatchObject({
      host: 'gw1',
      conn_host: 'mail.a.example',
      resolve: 'ok',
    }));

  it('keep words that are no pair, and a time that cannot be', () => {
    const row = rowOf(table, '2026-02-30T00:00:00Z gw1 filter_instance1[1]: warn restarting now');
    expect(row).toMatchObject({
      tag: 'warn',
      message: 'restarting now',
      event_time: origin.fallbackTime,
      time_source: 'object',
      log_time: null,
    });
    expect(extraOf(row)).toEqual({ log_time: '2026-02-30T00:00:00Z' });
  });

  it('keep the bytes of a line that is no UTF-8', () => {
    const bytes = Buffer.from('mod=mail subject="caf\u00e9"', 'latin1');
    const row = rowOf(table, bytes);
    expect(row['subject']).toBe('caf\ufffd');
    expect(Buffer.from(row.extra.get('raw_base64') ?? '', 'base64').equals(bytes)).toBe(true);
    const other = rowOf(table, Buffer.from('mod=mail subject="caf\u00e8"', 'latin1'));
    expect(other['event_id']).not.toBe(row['event_id']);
  });

  it('have the same identity for the same line only', () => {
    expect(at(0)['event_id']).toBe(at(0)['event_id']);
    expect(rowOf(table, 'a=1')['event_id']).not.toBe(rowOf(table, 'a=1 ')['event_id']);
  });

  it('are dead letters without header and pairs', () => {
    expect(parse(table, 'who are you')).toEqual({
      reject: { code: 'unknown_line', reason: 'the line must have a header or at least one key=value' },
    });
    expect(parse(table, '= == =').reject?.code).toBe('unknown_line');
  });

  it.each([
    ['continue', 'allowed', 1],
    ['reject', 'rejected', 25],
    ['discard', 'dropped', 6],
    ['tempfail', 'delayed', 14],
    ['reroute', 'other', 99],
    ['constructor', 'other', 99],
    ['__proto__', 'other', 99],
    ['', null, 0],
  ])('of action=%s are %s', (action, disposition, id) =>
    expect(rowOf(table, `rprt mod=mail cmd=msg action=${action}`)).toMatchObject({ disposition, disposition_id: id }),
  );
});
