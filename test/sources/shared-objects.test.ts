import { describe, expect, it } from 'vitest';
import { parseTenantsFile } from '../../sources/tenants-file.ts';

const filter = 'proofpoint_gateway_filter_logs';
const sendmail = 'proofpoint_gateway_sendmail_logs';

interface Source {
  readonly tenant?: string;
  readonly table?: string;
  readonly bucket?: string;
  readonly prefix?: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly shared?: boolean;
}

/** A file with these sources, s0, s1 and so on, each of tenant acme unless it says otherwise. */
const parsing =
  (...sources: readonly Source[]) =>
  () => {
    const tenants: Record<string, { sources: Record<string, unknown> }> = {};
    for (const [index, { tenant = 'acme', ...source }] of sources.entries()) {
      const settings = { kind: 's3', table: filter, bucket: 'logs', ...source };
      (tenants[tenant] ??= { sources: {} }).sources[`s${index}`] = settings;
    }
    return parseTenantsFile(JSON.stringify({ tenants }), 't.yaml');
  };

describe('refuseSharedObjects', () => {
  const other = { tenant: 'globex', prefix: 'mail/filter/' };

  it.each<[string, Source]>([
    ['equal', { prefix: 'mail/filter/' }],
    ['above', { prefix: 'mail/' }],
    ['below', { prefix: 'mail/filter/2026/' }],
    ['the whole bucket', {}],
    ['beginning alike', { prefix: 'mail/f' }],
    ['another table', { prefix: 'mail/', table: sendmail }],
    ['shared by one', { prefix: 'mail/', shared: true }],
  ])('refuses two tenants in one place: %s', (_, source) => {
    expect(parsing(source, other)).toThrow(
      expect.objectContaining({
        code: 'config.invalid',
        message:
          't.yaml: tenants.globex.sources.s1: reads the same objects as tenants.acme.sources.s0, of another tenant; where that is meant, say shared: true in both',
      }),
    );
    expect(parsing(other, source)).toThrow(/reads the same objects as tenants\.globex\.sources\.s0, of another tenant/);
  });

  it.each<[string, Source, Source]>([
    ['another bucket', { bucket: 'others', prefix: 'mail/filter/' }, other],
    ['another store', { endpoint: 'https://store.example', prefix: 'mail/filter/' }, other],
    ['side by side', { prefix: 'mail/filter2/' }, other],
    ['shared by both', { prefix: 'mail/', shared: true }, { ...other, shared: true }],
    ['another table of one tenant', { prefix: 'mail/' }, { prefix: 'mail/', table: sendmail }],
    ['the same table of one tenant, side by side', { prefix: 'a/' }, { prefix: 'b/' }],
  ])('takes %s', (_, one, two) => {
    expect(parsing(one, two)()).toHaveLength(2);
  });

  it.each<[Source, Source]>([
    [{ endpoint: 'https://Store.example' }, { endpoint: 'https://store.example:443/' }],
    [{ endpoint: 'https://store.example/s3' }, { endpoint: 'https://store.example/s3/' }],
    [{ endpoint: 'https://store.example' }, { endpoint: 'https://store.example.' }],
    [{ endpoint: 'https://store.example' }, { endpoint: 'http://store.example' }],
    [{}, { endpoint: 'https://s3.us-east-1.amazonaws.com' }],
    [{}, { endpoint: 'https://s3.us-east-1.amazonaws.com.' }],
    [{ region: 'eu-west-1' }, { endpoint: 'https://S3.dualstack.us-east-1.amazonaws.com/' }],
    [{ endpoint: 'https://s3.amazonaws.com' }, { endpoint: 'https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com' }],
    [{ region: 'cn-north-1' }, { endpoint: 'https://s3.cn-northwest-1.amazonaws.com.cn' }],
    [{ region: 'us-gov-west-1' }, { endpoint: 'https://s3.us-gov-east-1.amazonaws.com' }],
  ])('takes a store for the same however it is written: %j and %j', (one, two) => {
    expect(parsing(one, { ...two, tenant: 'globex' })).toThrow(/of another tenant/);
  });

  it.each<[Source, Source]>([
    [{}, { endpoint: 'https://s3.cn-north-1.amazonaws.com.cn' }],
    [{}, { region: 'us-gov-west-1' }],
    [{}, { endpoint: 'https://s3.amazonaws.com.example' }],
    [{}, { endpoint: 'https://s3.not-amazonaws.com' }],
    [{ endpoint: 'https://store.example/a' }, { endpoint: 'https://store.example/A' }],
    [{ endpoint: 'https://store.example' }, { endpoint: 'https://store.example:9000' }],
  ])('takes %j and %j for two stores', (one, two) => {
    expect(parsing(one, { ...two, tenant: 'globex' })()).toHaveLength(2);
  });

  it.each([
    ['/filter/', 'filter/'],
    ['//', 'filter/'],
    ['filter//2026/', 'filter/2026/'],
  ])('takes %s and %s for one place in a store that keeps keys as paths, and not in AWS', (one, two) => {
    const endpoint = 'https://store.example';
    const reading = (more: Source) => parsing({ ...more, prefix: one }, { ...more, prefix: two, tenant: 'globex' });
    expect(reading({ endpoint })).toThrow(/of another tenant/);
    expect(reading({})()).toHaveLength(2);
    expect(reading({ endpoint: 'https://s3.eu-west-1.amazonaws.com' })()).toHaveLength(2);
  });

  it.each([
    [filter, filter],
    ['proofpoint_on_demand', 'proofpoint_on_demand_maillog'],
  ])('refuses to read objects twice into one table: %s and %s', (one, two) => {
    expect(parsing({ table: one, prefix: 'p/' }, { table: two, prefix: 'p/q/' })).toThrow(
      /s1: reads the same objects into the same table as tenants\.acme\.sources\.s0/,
    );
  });
});
