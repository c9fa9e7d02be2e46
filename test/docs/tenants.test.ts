import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTenantsFile } from '../../scripts/commands/tenants.ts';
import { readConfig } from '../../workers/config.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readDocument, tableOf } from './documents.ts';

const directory = temporaryDirectory('tenants');
const documented = tableOf(readDocument('docs/tenants.md'), 'What the errors mean').map(([message = '']) => message);

const tap = 'kind: tap, principal: env:P, secret: env:S';
const s3 = 'kind: s3, table: proofpoint_gateway_filter_logs, bucket: logs';
const one = (source: string) => `tenants: {acme: {sources: {one: {${source}}}}}`;

/** A file for each message that the file itself is the reason of. */
const faulty: Record<string, readonly string[]> = {
  'stands twice': ['tenants:\n  acme: {sources: {}}\n  acme: {sources: {}}'],
  'this cannot stand here; a value with special characters needs quotes': [one('kind: tap, secret: "a" b')],
  'is missing': [one('kind: tap, principal: env:P')],
  'is no setting': [one(`${tap}, colour: red`)],
  'must be tap or s3': [one('kind: pod')],
  'must be one of proofpoint_on_demand_message': [one('kind: s3, table: logs, bucket: logs')],
  'must be text (a number needs quotes)': [one(`${s3}, prefix: 7`)],
  'must be a reference, env:NAME or file:/absolute/path; a secret itself does not belong here': [
    one('kind: tap, principal: env:P, secret: hunter2'),
  ],
  'uses the same principal': [`tenants: {acme: {sources: {one: {${tap}}, two: {${tap}}}}}`],
  'of another tenant; where that is meant, say shared: true in both': [
    `tenants: {acme: {sources: {one: {${s3}}}}, globex: {sources: {one: {${s3}}}}}`,
  ],
  'reads the same objects into the same table': [`tenants: {acme: {sources: {one: {${s3}}, two: {${s3}}}}}`],
  'of an access point give the alias, not the ARN': [
    one(
      "kind: s3, table: proofpoint_gateway_filter_logs, bucket: 'arn:aws:s3:eu-west-1:123456789012:accesspoint/logs'",
    ),
  ],
  'must be a duration such as 30s, 5m, 1h or 7d': [one(`${tap}, every: '5'`)],
  'must be between 1m and 1h': [one(`${tap}, window: 2h`)],
  'must be whole minutes such as 1m, 5m or 1h': [one(`${tap}, lag: 90s`)],
  'must not hold the same age twice: 60m is 1h': [one(`${tap}, settle: [1h, 60m]`)],
  'must be a span back from now such as -7d, or a UTC time such as 2026-01-31T00:00:00Z': [
    one(`${tap}, startFrom: 2026-01-31`),
  ],
  'must not lie in the future': [one(`${tap}, startFrom: 2199-01-31T00:00:00Z`)],
  'accessKeyId and secretAccessKey go together': [one(`${s3}, accessKeyId: env:K`)],
  'must be a time zone such as UTC or Europe/Berlin': [one(`${s3}, timezone: CEST5`)],
  'is for gateway tables: records of the others say their zone': [
    one('kind: s3, table: proofpoint_on_demand_message, bucket: logs, timezone: UTC'),
  ],
  'must be an http or https URL': [one(`${tap}, baseUrl: tap`)],
  '.baseUrl: http://tap.example is not https, .endpoint: 10.0.0.1 is a private address': [
    one(`${tap}, baseUrl: 'http://tap.example'`),
    one(`${s3}, endpoint: 'https://10.0.0.1'`),
  ],
  '.endpoint: the address of s3.example holds a user name or password': [
    one(`${s3}, endpoint: 'https://me:secret@s3.example'`),
  ],
};

/** Those that running sources are the reason of: test/workflows and test/scripts meet them. */
const others = ['this source is of kind s3: remove it and add it under another name', 'no worker answered within 10 s'];

describe('docs/tenants.md', () => {
  it('explains these messages and no others', () => {
    expect(documented).toEqual([...Object.keys(faulty), ...others]);
  });

  it.each(Object.entries(faulty))('says what a faulty file is told: %s', async (messages, files) => {
    for (const [index, message] of messages.split(/, (?=\.)/).entries()) {
      const file = join(directory, `tenants-${index}.yaml`);
      writeFileSync(file, files[index] ?? '');
      await expect(readTenantsFile(file, readConfig({}))).rejects.toThrow(message);
    }
  });
});
