import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentNames, readConfig } from '../../workers/config.ts';

const reading = (env: Record<string, string>) => () => readConfig(env);

describe('readConfig', () => {
  it('has the documented defaults', () => {
    const dataDir = resolve('.data');
    expect(readConfig({})).toMatchObject({
      temporal: { address: undefined, namespace: undefined, taskQueue: 'proofpoint-ingest' },
      dataDir,
      lake: {
        catalog: `sqlite:${dataDir}/lake/catalog.sqlite`,
        dataPath: `${dataDir}/lake/data`,
        spillDirectory: `${dataDir}/spill`,
        memoryMegabytes: 512,
      },
      landingUrl: `file://${dataDir}/landing`,
      aws: { region: 'us-east-1', endpoint: undefined },
      allowPrivateEndpoints: false,
      logLevel: 'info',
      metricsAddress: undefined,
      maxConcurrentActivities: 16,
      maintenance: { everySeconds: 3600, keepSeconds: 604_800 },
      workflowBundle: undefined,
    });
  });

  it('takes an empty variable for none', () => {
    const empty = Object.fromEntries(environmentNames.map((name) => [name, '']));
    expect({ ...readConfig(empty), secretEnvironment: {} }).toEqual({ ...readConfig({}), secretEnvironment: {} });
  });

  it('takes what is set', () => {
    const config = readConfig({
      TEMPORAL_ADDRESS: 'temporal:7233',
      DATA_DIR: '/srv/data',
      LAKE_CATALOG: 'postgres:host=db dbname=lake',
      LAKE_DATA: 's3://lake/data',
      LANDING_URL: 's3://landing/raw',
      ALLOW_PRIVATE_ENDPOINTS: 'true',
      MAX_CONCURRENT_ACTIVITIES: '4',
    });
    expect(config).toMatchObject({
      temporal: { address: 'temporal:7233' },
      lake: { catalog: 'postgres:host=db dbname=lake', dataPath: 's3://lake/data', spillDirectory: '/srv/data/spill' },
      landingUrl: 's3://landing/raw',
      allowPrivateEndpoints: true,
      maxConcurrentActivities: 4,
    });
    const keys = { LAKE_ACCESS_KEY_ID: 'id', LAKE_SECRET_ACCESS_KEY: 'key' };
    expect(readConfig(keys).aws.credentials).toEqual({ accessKeyId: 'id', secretAccessKey: 'key' });
    expect(readConfig({}).aws.credentials).toBeUndefined();
    expect(readConfig({ MAINTAIN_EVERY: 'off' }).maintenance.everySeconds).toBeUndefined();
    for (const off of ['0', 'false'])
      expect(readConfig({ ALLOW_PRIVATE_ENDPOINTS: off }).allowPrivateEndpoints).toBe(false);
  });

  it.each([
    ['TEMPORAL_ADDRESS', 'http://hunter2:7233', 'must be host:port'],
    [
      'LAKE_CATALOG',
      'mysql:password=hunter2',
      'must be sqlite:/path/to/catalog.sqlite, or postgres: and a libpq connection string, or postgresql://…',
    ],
    ['LANDING_URL', 'https://hunter2@x', 'must be file:///path or s3://bucket/prefix'],
    ['LAKE_ACCESS_KEY_ID', 'hunter2', 'and LAKE_SECRET_ACCESS_KEY go together'],
    ['AWS_ENDPOINT_URL_S3', 'hunter2', 'must be an http or https URL'],
    ['ALLOW_PRIVATE_ENDPOINTS', 'hunter2', 'must be 1 or 0'],
    ['LOG_LEVEL', 'hunter2', 'must be one of trace, debug, info, warn, error, fatal, silent'],
    ['METRICS_ADDRESS', 'hunter2', 'must be host:port'],
    ['MAINTAIN_EVERY', 'hunter2', 'must be a span of at least 1m, such as 1h, or off'],
    ['MAINTAIN_EVERY', '30s', 'must be a span of at least 1m, such as 1h, or off'],
    ['MAINTAIN_KEEP', '59m', 'must be a span of at least 1h, such as 7d'],
    ['DUCKDB_MEMORY_MB', 'hunter2', 'must be a whole number between 128 and 1000000'],
    ['DUCKDB_MEMORY_MB', '127', 'must be a whole number between 128 and 1000000'],
    ['DUCKDB_MEMORY_MB', '512.5', 'must be a whole number between 128 and 1000000'],
    ['MAX_CONCURRENT_ACTIVITIES', '0', 'must be a whole number between 1 and 1000'],
    ['MAX_CONCURRENT_ACTIVITIES', '1001', 'must be a whole number between 1 and 1000'],
  ])('names %s where it is wrong, and never repeats its value', (name, value, words) => {
    expect(reading({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'config.environment', message: `environment: ${name} ${words}` }),
    );
  });

  it('names every wrong variable at once', () => {
    expect(reading({ LOG_LEVEL: 'loud', METRICS_ADDRESS: 'x' })).toThrow(/LOG_LEVEL .*; METRICS_ADDRESS /);
  });
});
