import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pMap from 'p-map';
import { beforeAll, describe, expect, it } from 'vitest';
import { fillLake } from '../hunt/filled-lake.ts';
import { queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { jsonError, jsonLines, ppi, run } from './cli.ts';

const dataDir = temporaryDirectory('search');
const env = { DATA_DIR: dataDir };
const delivered = 'proofpoint_tap_messages_delivered';
const range = ['--from', '2026-01-31', '--to', '2026-02-01'];

/** Subjects as a sender may choose them, oldest first. */
const subjects = [
  'plain',
  'comma, "quotes" and\nnew line\r\n',
  'Grüße 📨 你好',
  '\u001B[31mred\u009B2J\u0007\u202Ereversed',
  '=HYPERLINK("http://x")',
  ' blanks ',
];
const messages = subjects.map((subject, index) => ({
  GUID: `m${index}`,
  messageTime: new Date(Date.parse('2026-01-31T00:00:00Z') + index * 60_000).toISOString(),
  recipient: ['a,b@example.com', 'c@example.com'],
  subject,
  spamScore: index,
  threatsInfoMap: [{ threatTime: '2026-01-31T00:00:00Z' }],
}));

beforeAll(async () => {
  await fillLake(dataDir, [
    { tenantId: 'acme', table: delivered, records: messages },
    { tenantId: 'globex', table: delivered, records: [{ ...messages[0], GUID: 'g0' }] },
    { tenantId: 'umbrella', table: delivered, records: [{ ...messages[0], GUID: 'u0' }] },
  ]);
});

describe('ppi search', () => {
  it('prints rows as JSON that hold what was sent', async () => {
    const { code, stdout, stderr } = await ppi(['search', '', '--tenant', 'acme', '--json', ...range], env);
    expect([code, stderr]).toEqual([0, '']);
    const rows = jsonLines(stdout) as Record<string, unknown>[];
    expect(rows.map(({ subject }) => subject).reverse()).toEqual(subjects);
    expect(rows[0]).toMatchObject({
      table: delivered,
      tenant_id: 'acme',
      event_time: '2026-01-31T00:05:00Z',
      threats: [{ time: '2026-01-31T00:00:00Z' }],
      envelope_rcpts: ['a,b@example.com', 'c@example.com'],
    });
    expect(rows[0]?.['extra']).toEqual({});
    expect(JSON.parse(String(rows.at(-1)?.['raw']))).toEqual(messages[0]);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202E]/u);
  });

  it('takes --from and --to to the microsecond', async () => {
    const at = '2026-01-30T05:00:00.123456Z';
    const directory = temporaryDirectory('search-exact');
    await fillLake(directory, [
      { tenantId: 'exact', table: delivered, records: [{ ...messages[0], messageTime: at }] },
    ]);
    const found = async (from: string, to: string) =>
      jsonLines(
        (await ppi(['search', '', '--tenant', 'exact', '--json', '--from', from, '--to', to], { DATA_DIR: directory }))
          .stdout,
      );
    const [day, before, after] = ['2026-01-30', '2026-01-30T05:00:00.123455Z', '2026-01-30T05:00:00.123457Z'];
    const answers = await Promise.all([
      found(day, after),
      found(day, at),
      found(at, after),
      found(before, at),
      found(after, '2026-01-31'),
    ]);
    expect(answers.map((rows) => rows.length)).toEqual([1, 0, 1, 0, 0]);
  });

  it('prints rows as CSV that another program reads back', async () => {
    const { code, stdout } = await ppi(
      ['search', '--format', 'csv', '--tenant', 'acme', '--table', 'tap_messages_delivered', ...range],
      env,
    );
    expect(code).toBe(0);
    const file = join(dataDir, 'rows.csv');
    writeFileSync(file, stdout);
    const read = await queryLake(
      sqliteLake(dataDir),
      `SELECT * FROM read_csv('${file}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', parallel = false)`,
    );
    expect(read.map(({ subject }) => subject).reverse()).toEqual(subjects);
    expect(read[0]).toMatchObject({
      table: delivered,
      spam_score: '5',
      event_time: '2026-01-31T00:05:00Z',
      threats: expect.stringContaining('"time":"2026-01-31T00:00:00Z"'),
      envelope_rcpts: JSON.stringify(messages[0]?.recipient),
    });
  });

  it('prints a table whose rows are lines, with what was searched below it', async () => {
    const { code, stdout } = await ppi(
      ['search', '--tenant', 'acme', '--limit', '4', '--columns', 'guid,subject', ...range],
      env,
    );
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['guid  subject', 'm5     blanks']);
    expect(lines.slice(2, 5).map((line) => line.slice(0, 2))).toEqual(['m4', 'm3', 'm2']);
    expect(lines[5]).toMatch(
      /^4 rows, and more: raise --limit; 2026-01-31T00:00:00.000Z to 2026-02-01T00:00:00.000Z by event time; \d+\.\d s; in 8 of 8 tables$/,
    );
    expect(lines).toHaveLength(6);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202E]/u);
  });

  it.each([
    ['--json', (stdout: string) => jsonLines(stdout)],
    ['--format=csv', (stdout: string) => stdout.trimEnd().split('\r\n').slice(1)],
  ])('says beside %s that there is more, and which tables lack a field', async (format, rowsOf) => {
    const search = (...args: string[]) => ppi(['search', format, '--columns', 'GUID', ...range, ...args], env);
    const [cut, left, whole] = await Promise.all([
      search('--limit', '2'),
      search('--limit', '2', 'spam_score>=0'),
      search('subject=plain'),
    ]);
    expect([rowsOf(cut.stdout).length, cut.stderr]).toEqual([2, '2 rows, and more: raise --limit; in 8 of 8 tables\n']);
    expect(left.stderr).toMatch(/^2 rows, and more: raise --limit; in 3 of 8 tables: tap_messages_delivered, .*\n$/);
    expect(rowsOf(whole.stdout)).toHaveLength(3);
    expect(whole.stderr).toMatch(/^3 rows; in \d of 8 tables, not tap_clicks_.*\n$/);
  });

  it('refuses a tenant that is none, also beside one that is', async () => {
    const wrong = [
      ['search', 'plain', '--tenant', 'acme,ACME', ...range],
      ['search', 'nothing', '--tenant', 'ACME'],
      ['dead-letters', 'list', '--tenant', 'ACME'],
      ['drift', 'list', '--tenant', 'ACME'],
      ['dead-letters', 'replay', '--tenant', 'ACME'],
    ];
    const right = [
      ['search', 'nothing'],
      ['dead-letters', 'list'],
      ['drift', 'list'],
    ];
    const ask = (args: readonly string[]) => ppi([...args, '--json'], env);
    for (const ran of await pMap(wrong, ask, { concurrency: 3 })) {
      expect(ran.code).toBe(2);
      expect(jsonError(ran)).toMatchObject({
        code: 'usage',
        message: 'no tenant "ACME" has a batch in the lake (the case of letters counts); known: acme, globex, umbrella',
      });
    }
    for (const ran of await pMap(right, (args) => ask([...args, '--tenant', 'acme']), { concurrency: 3 }))
      expect(ran).toMatchObject({ code: 0, stdout: '' });
  });

  it('takes several tenants, and the query wherever it stands', async () => {
    const args = [
      'search',
      '--tenant',
      'globex',
      '--tenant',
      'umbrella',
      'subject=PLAIN',
      '--json',
      '--columns',
      'guid',
      ...range,
    ];
    const { stdout } = await ppi(args, env);
    expect(jsonLines(stdout)).toEqual(expect.arrayContaining([{ guid: 'g0' }, { guid: 'u0' }]));
    expect(jsonLines(stdout)).toHaveLength(2);
  });

  it.each([
    ['"unclosed', 'a quote is opened and never closed'],
    ['nope=1', `${delivered} has no field "nope"; quote the word to search for it as text; its fields are `],
    ['spam_score>high', 'spam_score is a number, and "high" is not'],
    ['message_time>yesterday', 'message_time is a time such as 2026-01-31T05:00:00Z'],
  ])('refuses %s as a wrong command line, saying why', async (query, message) => {
    const ran = await ppi(['search', query, '--table', 'tap_messages_delivered', '--json'], env);
    expect(ran.code).toBe(2);
    expect(jsonError(ran)).toEqual({
      code: 'lake.query',
      message: expect.stringContaining(message),
      remedy: 'correct the query',
    });
    expect(ran.stderr).toContain(`error: search: `);
  });
});

describe('ppi lake sql', () => {
  it('prints JSON and nothing else, also through npm', async () => {
    const args = ['run', '--silent', 'ppi', '--', 'lake', 'sql', 'SELECT 1 AS one', '--json'];
    expect(await run('npm', args, env)).toMatchObject({ code: 0, stdout: '{"one":1}\n' });
  });

  it('prints a table', async () => {
    const { stdout } = await ppi(
      ['lake', 'sql', `SELECT tenant_id, count(*)::INTEGER AS n FROM ${delivered} GROUP BY ALL ORDER BY 1`],
      env,
    );
    expect(stdout).toBe('tenant_id  n\nacme       6\nglobex     1\numbrella   1\n');
  });

  it.each([
    [`DELETE FROM ${delivered}`, /read-only/],
    [`SELECT 1; DELETE FROM ${delivered}`, /one statement at a time/],
    [`COPY (SELECT 1) TO '${join(dataDir, 'out.csv')}'`, /read-only/],
    [`FROM read_text('${join(dataDir, 'rows.csv')}')`, /Cannot access file/],
    [`SELECT nope FROM ${delivered}`, /nope/],
    ['SELEC 1', /syntax error/],
  ])('refuses %s and changes nothing', async (sql, words) => {
    const ran = await ppi(['lake', 'sql', sql, '--json'], env);
    expect(ran.code).toBe(2);
    expect(jsonError(ran)).toMatchObject({ code: 'lake.query', message: expect.stringMatching(words) });
    expect(await queryLake(sqliteLake(dataDir), `SELECT count(*)::INTEGER AS n FROM ${delivered}`)).toEqual([{ n: 8 }]);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const command = `'${process.execPath}' --import tsx scripts/ppi.ts lake sql 'FROM range(300000)' --json | head -1`;
    expect(await run('/bin/sh', ['-c', command], env)).toMatchObject({ stdout: '{"range":"0"}\n', stderr: '' });
  });
});
