import { describe, expect, it } from 'vitest';
import { parseHeader } from '../../../tables/text/syslog-header.ts';
import { micros } from '../parsing.ts';

const reference = micros('2026-01-02T00:00:00Z');

function read(line: string, timeZone?: string) {
  const { end, ...header } = parseHeader(line, { fallbackTime: reference, timeZone });
  return { ...Object.fromEntries(Object.entries(header).filter(([, value]) => value != null)), rest: line.slice(end) };
}

describe('parseHeader', () => {
  it('reads an ISO time, host, program and pid', () =>
    expect(read('2022-02-20T08:35:00.157994-06:00 myserver123 filter_instance1[21074]: rprt s=1')).toEqual({
      time: micros('2022-02-20T14:35:00.157Z') + 994,
      timeSource: 'record',
      host: 'myserver123',
      process: 'filter_instance1',
      pid: 21_074,
      rest: 'rprt s=1',
    }));

  it.each([
    ['Dec 31 23:59:59', '2025-12-31T23:59:59Z'],
    ['Jan  2 08:00:00', '2026-01-02T08:00:00Z'],
    ['May 8 12:27:36', '2025-05-08T12:27:36Z'],
    ['Feb 29 00:00:00', '2024-02-29T00:00:00Z'],
  ])('takes the year of %s from the object', (time, expected) =>
    expect(read(`${time} gw sendmail[7]: x`)).toEqual({
      time: micros(expected),
      timeSource: 'record+object',
      host: 'gw',
      process: 'sendmail',
      pid: 7,
      rest: 'x',
    }),
  );

  it('reads a bracketed time without host and program', () =>
    expect(read('[2026-03-18 07:52:30.007522 -0500] rprt s=1')).toEqual({
      time: micros('2026-03-18T12:52:30.007Z') + 522,
      timeSource: 'record',
      rest: 'rprt s=1',
    }));

  it('takes a time without zone for UTC', () =>
    expect(read('2022-02-20T08:35:00 gw x[1]: m')).toMatchObject({ time: micros('2022-02-20T08:35:00Z') }));

  it.each([
    ['2022-02-20T08:35:00 gw x[1]: m', '2022-02-20T07:35:00Z'],
    ['2022-07-20T08:35:00.5 gw x[1]: m', '2022-07-20T06:35:00.5Z'],
    ['2022-02-20T08:35:00Z gw x[1]: m', '2022-02-20T08:35:00Z'],
    ['2022-02-20T08:35:00-06:00 gw x[1]: m', '2022-02-20T14:35:00Z'],
    ['[2026-03-18 07:52:30] rprt s=1', '2026-03-18T06:52:30Z'],
    ['[2026-03-18 07:52:30 -0500] rprt s=1', '2026-03-18T12:52:30Z'],
    ['Dec 31 23:59:59 gw x[1]: m', '2025-12-31T22:59:59Z'],
    ['Jan  1 00:30:00 gw x[1]: m', '2025-12-31T23:30:00Z'],
  ])('takes a time without zone for the one of its source: %s', (line, expected) =>
    expect(read(line, 'Europe/Berlin')).toMatchObject({ time: micros(expected) }),
  );

  it('reads a program alone, but takes a queue id for no program', () => {
    expect(read('queued-reinject[31146]: 059Ir0XR004181: to=a')).toMatchObject({
      process: 'queued-reinject',
      pid: 31_146,
      rest: '059Ir0XR004181: to=a',
    });
    expect(read('059Ir0XR004181: to=a')).toMatchObject({ rest: '059Ir0XR004181: to=a' });
  });

  it('reads programs with a path, without pid, and without a host before them', () => {
    expect(read('Jan 1 00:00:00 gw /opt/proofpoint/pps-8.22/bin/x[9]: m')).toMatchObject({
      process: '/opt/proofpoint/pps-8.22/bin/x',
      pid: 9,
    });
    expect(read('Jan 1 00:00:00 gw sendmail: m')).toMatchObject({ host: 'gw', process: 'sendmail', rest: 'm' });
    expect(read('Jan 1 00:00:00 sendmail[4]: m')).toMatchObject({ process: 'sendmail', pid: 4, rest: 'm' });
    expect(read('Jan 1 00:00:00 gw x[99999999999]: m')).toMatchObject({ process: 'x[99999999999]' });
  });

  it('reads a priority before any form', () => {
    expect(read('<134>Jan 1 00:00:00 gw x[1]: m')).toMatchObject({ priority: '134', host: 'gw', rest: 'm' });
    expect(read('<22>x[1]: m')).toMatchObject({ priority: '22', process: 'x' });
    expect(read('<a@b> m').rest).toBe('<a@b> m');
  });

  it('keeps a time that cannot be', () => {
    expect(read('2022-13-20T08:35:00Z gw x[1]: m')).toEqual({
      oddTime: '2022-13-20T08:35:00Z',
      timeSource: 'record',
      host: 'gw',
      process: 'x',
      pid: 1,
      rest: 'm',
    });
    expect(read('Apr 31 08:35:00 gw x[1]: m')).toMatchObject({ oddTime: 'Apr 31 08:35:00', host: 'gw' });
    expect(read('[yesterday] m')).toMatchObject({ oddTime: 'yesterday', rest: 'm' });
  });

  it.each(['', 's=1 mod=x', 'Dec', 'Dec 31', 'Foo 1 00:00:00 gw', 'Dec 99 00:00:00 gw', '[no end'])(
    'finds no header in %j',
    (line) => expect(read(line)).toEqual({ timeSource: 'record', rest: line }),
  );
});
