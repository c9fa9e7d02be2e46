import { describe, expect, it } from 'vitest';
import { s3Settings, tapSettings, tenantsFile } from '../../sources/settings.ts';

const tap = { kind: 'tap', principal: 'env:PRINCIPAL', secret: 'file:/run/secrets/tap' };
const s3 = { kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'acme-logs' };

const takesTap = (settings: object) => tapSettings.safeParse({ ...tap, ...settings }).success;
const takesS3 = (settings: object) => s3Settings.safeParse({ ...s3, ...settings }).success;

describe('tapSettings', () => {
  it('has the documented defaults, in seconds', () => {
    expect(tapSettings.parse(tap)).toEqual({
      ...tap,
      startFrom: '-7d',
      every: 300,
      lag: 60,
      settle: [2100, 86_400],
      window: 3600,
      baseUrl: 'https://tap-api-v2.proofpoint.com',
    });
  });

  it.each(['every', 'lag', 'window'])('takes %s in whole minutes up to an hour', (name) => {
    expect(tapSettings.parse({ ...tap, [name]: '120s' })).toMatchObject({ [name]: 120 });
    for (const value of ['1m', '1h', '60m']) expect(takesTap({ [name]: value })).toBe(true);
    for (const value of ['30s', '90s', '2h', '61m', '0m', '5', 300, '', null])
      expect(takesTap({ [name]: value })).toBe(false);
  });

  it('reads again up to four times, at ages of a minute to six days', () => {
    expect(tapSettings.parse({ ...tap, settle: [] })).toMatchObject({ settle: [] });
    for (const settle of [['1m'], ['6d'], ['1h', '2h', '3h', '4h']]) expect(takesTap({ settle })).toBe(true);
    for (const settle of [['59s'], ['7d'], ['1h', '2h', '3h', '4h', '5h'], '1h'])
      expect(takesTap({ settle })).toBe(false);
  });

  it('settles at each age once', () => {
    for (const settle of [
      ['35m', '35m'],
      ['60m', '1h'],
      ['1h', '2h', '60m'],
    ])
      expect(takesTap({ settle })).toBe(false);
  });

  it.each(['principal', 'secret'])('takes %s by reference only', (name) => {
    for (const value of ['env:A', 'env:_a1', 'file:/a b']) expect(takesTap({ [name]: value })).toBe(true);
    for (const value of ['hunter2', 'env:', 'env:1A', 'env:A B', 'file:relative', 'file:/', ' env:A', 'env:A\n', ''])
      expect(takesTap({ [name]: value })).toBe(false);
  });

  it('starts a span back from now, or at a time of UTC', () => {
    for (const startFrom of ['-7d', '-1h', '2026-01-31T00:00:00Z']) expect(takesTap({ startFrom })).toBe(true);
    for (const startFrom of ['7d', '-7', 'now', '2026-01-31', '2026-01-31T00:00:00', '2026-01-31T00:00:00+01:00'])
      expect(takesTap({ startFrom })).toBe(false);
    for (const startFrom of ['2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', '2026-01-31T99:99:99Z', '2026-01-31T00Z'])
      expect(takesTap({ startFrom })).toBe(false);
    expect(takesTap({ startFrom: new Date(Date.now() + 3_600_000).toISOString() })).toBe(false);
  });

  it('takes http and https addresses, and no key that it does not know', () => {
    expect(takesTap({ baseUrl: 'http://127.0.0.1:8080' })).toBe(true);
    for (const settings of [{ baseUrl: 'ftp://x' }, { baseUrl: 'x' }, { colour: 'red' }, { bucket: 'x' }])
      expect(takesTap(settings)).toBe(false);
  });
});

describe('s3Settings', () => {
  it('has the documented defaults, in seconds', () => {
    expect(s3Settings.parse(s3)).toEqual({
      ...s3,
      prefix: '',
      every: 60,
      region: 'us-east-1',
      requesterPays: false,
      shared: false,
      lookBack: 3600,
      reconcile: 86_400,
    });
  });

  it('takes layouts whose keys are in the order of time', () => {
    for (const layout of ['year=%Y/month=%m/day=%d/', '%Y/%m/%d/%H/', '%Y%m%d']) expect(takesS3({ layout })).toBe(true);
    for (const layout of ['%d/%m/%Y/', '%Y/%m/', '%Y/%m/%d/%H/%M', '%H/%Y/%m/%d', ''])
      expect(takesS3({ layout })).toBe(false);
  });

  it('looks back up to thirty days, or never, and lists all every ten minutes to thirty days', () => {
    for (const lookBack of ['0s', '30d']) expect(takesS3({ lookBack })).toBe(true);
    expect(takesS3({ lookBack: '31d' })).toBe(false);
    for (const reconcile of ['10m', '30d']) expect(takesS3({ reconcile })).toBe(true);
    for (const reconcile of ['9m', '0s', '31d']) expect(takesS3({ reconcile })).toBe(false);
  });

  it('takes the tables that come as objects', () => {
    for (const table of [
      'proofpoint_on_demand_message',
      'proofpoint_on_demand_maillog',
      'proofpoint_gateway_sendmail_logs',
    ])
      expect(takesS3({ table })).toBe(true);
    for (const table of ['proofpoint_tap_clicks_blocked', 'filter', '']) expect(takesS3({ table })).toBe(false);
  });

  it('lists every ten seconds to every day', () => {
    for (const every of ['10s', '1d']) expect(takesS3({ every })).toBe(true);
    for (const every of ['9s', '25h', '2d']) expect(takesS3({ every })).toBe(false);
  });

  it('takes both keys or none', () => {
    expect(takesS3({ accessKeyId: 'env:K', secretAccessKey: 'env:S' })).toBe(true);
    expect(takesS3({ accessKeyId: 'env:K' })).toBe(false);
    expect(takesS3({ secretAccessKey: 'env:S' })).toBe(false);
  });

  it('takes buckets and prefixes as long as the store allows', () => {
    for (const settings of [{ bucket: 'abc' }, { bucket: 'a'.repeat(63) }, { prefix: 'p'.repeat(1024) }])
      expect(takesS3(settings)).toBe(true);
    for (const settings of [{ bucket: 'ab' }, { bucket: 'a'.repeat(64) }, { prefix: 'p'.repeat(1025) }])
      expect(takesS3(settings)).toBe(false);
  });
});

describe('bucket', () => {
  it('is a name of a bucket, or the alias of an access point', () => {
    for (const bucket of ['acme.logs-1', '1st', 'Old_Logs', 'acme-logs-a1b2c3d4e5f6g7h8i9j0k1l2m3n4ous-s3alias'])
      expect(takesS3({ bucket })).toBe(true);
    for (const bucket of ['acme/logs', 'acme logs', '-acme', 'acme-', 'acme:logs', 's3://acme', 'äcme', ''])
      expect(takesS3({ bucket })).toBe(false);
  });

  it('is no ARN: the URI of an object would not say where its key begins', () => {
    const bucket = 'arn:aws:s3:us-east-1:123456789012:accesspoint/logs';
    expect(bucket.length).toBeLessThan(64);
    expect(s3Settings.safeParse({ ...s3, bucket }).error?.issues[0]?.message).toMatch(/the alias, not the ARN$/);
  });
});

describe('tenantsFile', () => {
  const takes = (tenantId: string, sourceId = 'tap') =>
    tenantsFile.safeParse({ tenants: { [tenantId]: { sources: { [sourceId]: tap } } } }).success;

  it('takes names that ids and keys can be made of', () => {
    for (const name of ['acme', '1', 'a-b_c', 'a'.repeat(63)])
      expect([takes(name), takes('acme', name)]).toEqual([true, true]);
    for (const name of ['', 'Acme', '-a', '_a', 'a/b', 'a b', 'a.b', 'é', 'a'.repeat(64)])
      expect([takes(name), takes('acme', name)]).toEqual([false, false]);
  });
});
