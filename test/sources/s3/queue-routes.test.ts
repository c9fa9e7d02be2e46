import { describe, expect, it } from 'vitest';
import { queuesOf, routesOf } from '../../../sources/s3/queue-routes.ts';
import { s3Settings } from '../../../sources/settings.ts';

describe('routesOf', () => {
  const route = (sourceId: string, bucket: string, prefix: string) => ({
    tenantId: 'acme',
    sourceId,
    settings: s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket, prefix }),
  });
  const routes = [
    route('all', 'logs', 'a/'),
    route('deep', 'logs', 'a/b/'),
    route('same', 'logs', 'a/b/'),
    route('other', 'others', 'a/'),
  ];
  const owners = (bucket: string, key: string) => routesOf({ bucket, key }, routes).map(({ sourceId }) => sourceId);

  it('gives an object to all sources whose bucket and prefix it has', () => {
    expect(owners('logs', 'a/x')).toEqual(['all']);
    expect(owners('logs', 'a/b/x')).toEqual(['all', 'deep', 'same']);
    expect(owners('others', 'a/b/x')).toEqual(['other']);
  });

  it('gives a foreign object to nobody', () => {
    expect(owners('logs', 'ab/x')).toEqual([]);
    expect(owners('strangers', 'a/x')).toEqual([]);
  });
});

describe('queuesOf', () => {
  const queueUrl = 'https://sqs.eu-west-1.amazonaws.com/123456789012/logs';
  const source = (tenantId: string, notifications?: object) => ({
    tenantId,
    sourceId: 'filter',
    settings: s3Settings.parse({
      kind: 's3',
      table: 'proofpoint_gateway_filter_logs',
      bucket: 'logs',
      prefix: `${tenantId}/`,
      ...(notifications === undefined ? {} : { notifications }),
    }),
  });

  it('gathers the sources that name a queue, by name, and looks as often as the most eager wants', () => {
    const sources = [
      source('globex', { queueUrl, region: 'eu-west-1' }),
      source('acme', { queueUrl, region: 'eu-west-1', every: '1m' }),
      source('initech'),
    ];
    expect(queuesOf(sources, 'tenants.yaml')).toEqual([
      {
        queueUrl,
        region: 'eu-west-1',
        every: 10,
        routes: [
          { tenantId: 'acme', sourceId: 'filter', settings: sources[1]?.settings },
          { tenantId: 'globex', sourceId: 'filter', settings: sources[0]?.settings },
        ],
      },
    ]);
  });

  it.each([
    `${queueUrl}/`,
    'https://SQS.eu-west-1.amazonaws.com/123456789012/logs',
    'https://sqs.eu-west-1.amazonaws.com:443/123456789012/logs',
  ])('takes a queue for the same however it is spelled: %s', (spelled) => {
    const sources = [
      source('acme', { queueUrl, region: 'eu-west-1' }),
      source('globex', { queueUrl: spelled, region: 'eu-west-1' }),
    ];
    expect(queuesOf(sources, 'tenants.yaml')).toMatchObject([{ queueUrl, routes: [{}, {}] }]);
    expect(() => queuesOf([sources[0] as never, source('globex', { queueUrl: spelled })], 'tenants.yaml')).toThrow(
      /its queue lies in us-east-1/,
    );
  });

  it('refuses two regions of one queue, naming both places', () => {
    const sources = [source('acme', { queueUrl, region: 'eu-west-1' }), source('globex', { queueUrl })];
    expect(() => queuesOf(sources, 'tenants.yaml')).toThrow(
      /tenants\.globex\.sources\.filter\.notifications: its queue lies in us-east-1, but in eu-west-1 for tenants\.acme/,
    );
  });

  it('refuses more settings than go together in one payload', () => {
    const long = (tenantId: string) => {
      const { settings, ...name } = source(tenantId, { queueUrl, region: 'eu-west-1' });
      return { ...name, settings: { ...settings, prefix: `${tenantId}/${'é'.repeat(900)}/` } };
    };
    const tenants = (count: number) => Array.from({ length: count }, (_, index) => long(`tenant-${1000 + index}`));
    const [queue] = queuesOf(tenants(400), 'tenants.yaml');
    expect(Buffer.byteLength(JSON.stringify(queue))).toBeLessThan(1_000_000);
    expect(() => queuesOf(tenants(600), 'tenants.yaml')).toThrow(
      /^tenants\.yaml: the settings of the sources that share the queue of tenants\.tenant-1000\.sources\.filter come to more than 1 MB/,
    );
  });
});
