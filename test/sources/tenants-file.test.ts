import { describe, expect, it } from 'vitest';
import { parseTenantsFile } from '../../sources/tenants-file.ts';

/** A file whose one source begins at line 5. */
function file(...settings: string[]): string {
  return ['tenants:', '  acme:', '    sources:', '      tap:', ...settings.map((line) => `        ${line}`), ''].join(
    '\n',
  );
}
const whole = ['kind: tap', 'principal: env:P', 'secret: env:S'];

const refused = (message: string | RegExp) =>
  expect.objectContaining({
    code: 'config.invalid',
    message: typeof message === 'string' ? `t.yaml: ${message}` : expect.stringMatching(message),
  });

const parsing = (text: string) => () => parseTenantsFile(text, 't.yaml');

describe('parseTenantsFile', () => {
  it('gives every source of every tenant', () => {
    const text = `${file(...whole, 'every: 10m')}  globex:\n    sources:\n      filter: {kind: s3, table: proofpoint_gateway_filter_logs, bucket: logs}\n  idle: {sources: {}}\n`;
    expect(parseTenantsFile(text, 't.yaml')).toEqual([
      {
        tenantId: 'acme',
        sourceId: 'tap',
        settings: expect.objectContaining({ kind: 'tap', every: 600, principal: 'env:P' }),
      },
      { tenantId: 'globex', sourceId: 'filter', settings: expect.objectContaining({ kind: 's3', every: 60 }) },
    ]);
  });

  it.each([
    ['missing field', file('kind: tap', 'principal: env:P'), 'tenants.acme.sources.tap.secret (line 4): is missing'],
    [
      'secret itself',
      file('kind: tap', 'principal: env:P', 'secret: hunter2'),
      'tenants.acme.sources.tap.secret (line 7): must be a reference, env:NAME or file:/absolute/path; a secret itself does not belong here',
    ],
    [
      'wrong type',
      file('kind: tap', 'principal: env:P', 'secret: 1234'),
      'tenants.acme.sources.tap.secret (line 7): must be text (a number needs quotes)',
    ],
    [
      'wrong type',
      file(...whole, 'every: 5'),
      'tenants.acme.sources.tap.every (line 8): must be a duration such as 30s, 5m, 1h or 7d',
    ],
    ['wrong type', file(...whole, 'settle: 5m'), 'tenants.acme.sources.tap.settle (line 8): must be a list'],
    [
      'wrong element',
      file(...whole, 'settle:', '- 1h', '- 90d'),
      'tenants.acme.sources.tap.settle.1 (line 10): must be between 1m and 6d',
    ],
    ['unknown key', file(...whole, 'secrte: env:S'), 'tenants.acme.sources.tap.secrte (line 8): is no setting'],
    [
      'duplicate key',
      file(...whole, 'secret: env:T'),
      'line 8, column 9: tenants.acme.sources.tap.secret: stands twice',
    ],
    [
      'kind of another version',
      file('kind: pod', 'clusterId: acme_hosted', 'token: env:T'),
      'tenants.acme.sources.tap.kind (line 5): must be tap or s3; other kinds, pod among them, are not supported by this version',
    ],
    ['missing kind', file('principal: env:P'), /tap\.kind \(line 4\): must be tap or s3/],
    [
      'wrong URL',
      file(...whole, 'baseUrl: tap-api'),
      'tenants.acme.sources.tap.baseUrl (line 8): must be an http or https URL',
    ],
    [
      'wrong table',
      file('kind: s3', 'bucket: logs', 'table: proofpoint_tap_clicks_blocked'),
      /tap\.table \(line 7\): must be one of proofpoint_on_demand_message, /,
    ],
    [
      'name',
      file(...whole).replace('acme', 'Acme Corp'),
      /^t\.yaml: tenants\.Acme Corp \(line 2\): must be 1 to 63 lower-case letters/,
    ],
    ['nothing', 'tenants:\n  acme:\n', 'tenants.acme (line 2): must be a map'],
    ['empty file', '', 'the file (line 1): must be a map'],
    ['missing tenants', '{}', 'tenants (line 1): is missing'],
  ])('names path and line of a fault: %s', (_, text, message) => {
    expect(parsing(text)).toThrow(refused(message));
  });

  it('names all faults at once', () => {
    expect(parsing(file('kind: tap', 'secret: hunter2', 'colour: red'))).toThrow(
      refused(/tap\.principal \(line 4\): .*; .*tap\.secret \(line 6\): .*; .*tap\.colour \(line 7\): /),
    );
  });

  it.each([
    [
      'tenants: [',
      'line 1, column 11: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['tenants:\n\tacme: 1', 'line 2, column 1: Tabs are not allowed as indentation'],
    [`${file(...whole)}---\n{}\n`, 'line 8, column 1: a second document begins, and the file is one'],
    ['tenants:\n  acme: "x', /^t\.yaml: line 2, column \d+: Missing closing "quote$/],
  ])('names line and column where it is no YAML: %j', (text, message) => {
    expect(parsing(text)).toThrow(refused(message));
  });

  it.each([
    '*hunter2',
    '!hunter2',
    '!hunter2 x',
    '&hunter2',
    '@hunter2',
    '`hunter2',
    '%hunter2',
    '|hunter2',
    '>hunter2',
    '"hunter2\\q"',
    '"x" hunter2',
    'a: hunter2',
    '[hunter2',
    '{hunter2}',
    '[hunter2]',
    '- hunter2',
    '? hunter2',
    "'hunter2",
    'hunter2',
    'env:hunter 2hunter2',
    'file:hunter2',
  ])('never repeats a value, which may be a secret: %s', (secret) => {
    const text = file('kind: tap', `secret: ${secret}`, 'principal: env:P');
    expect(parsing(text)).toThrow(refused(/^t\.yaml: .*line [4-8]/));
    expect(parsing(text)).not.toThrow(/hunter2/);
  });

  it('does not unfold aliases without end', () => {
    const lines = ['a0: &a0 [x, x]', ...Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)];
    expect(parsing(lines.join('\n'))).toThrow(refused(/an alias of nothing, or too many aliases/));
  });
});
