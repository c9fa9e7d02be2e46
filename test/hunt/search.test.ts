import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { search, type SearchRequest } from '../../hunt/search.ts';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import type { TableName } from '../../tables/table.ts';
import { filterTable } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { fillLake } from './filled-lake.ts';
import { quoted } from './quoted.ts';

const delivered = 'proofpoint_tap_messages_delivered';
const clicks = 'proofpoint_tap_clicks_blocked';

const day = Date.parse('2026-01-31T00:00:00Z');
const minute = (number: number) => new Date(day + number * 60_000).toISOString();

const messages = [
  {
    GUID: 'm0',
    messageTime: minute(0),
    sender: 'Ann@Example.COM',
    recipient: ['lee@harbor.example', 'kim@harbor.example'],
    subject: '100% off_now',
    spamScore: 90,
    messageParts: [
      { filename: 'a.pdf', sha256: 'AA11' },
      { filename: 'b.exe', sha256: 'bb22' },
    ],
    riskTags: 'vip',
  },
  {
    GUID: 'm1',
    messageTime: minute(1),
    sender: 'bob@example.net',
    recipient: ['kim@harbor.example'],
    subject: '100x offenow',
    spamScore: 3,
    messageParts: [{ filename: 'a.pdf', sha256: 'cc33' }],
  },
  { GUID: 'm2', messageTime: minute(2), recipient: [], subject: null, threatsInfoMap: [{ threatTime: minute(1) }] },
  { GUID: 'm3', messageTime: minute(3), sender: '', subject: String.raw`** C:\* ÜBER "quote"`, spamScore: 50 },
];
const asciiOnly = JSON.stringify({ GUID: 'm4', messageTime: minute(4), subject: 'Rechnung fällig' }).replace(
  'ä',
  String.raw`\u00e4`,
);

let lake: LakeReader;
/** When all of it came in. */
let loadedMs: { from: number; to: number };

beforeAll(async () => {
  const from = Date.now();
  const settings = await fillLake(temporaryDirectory('hunt'), [
    { tenantId: 'acme', table: delivered, records: [...messages, asciiOnly] },
    { tenantId: 'globex', table: delivered, records: [{ ...messages[0], GUID: 'g0', subject: 'of globex' }] },
    { tenantId: 'acme', table: clicks, records: [{ GUID: 'c0', clickTime: minute(10), sender: 'ann@example.com' }] },
  ]);
  loadedMs = { from, to: Date.now() + 1 };
  lake = await openLakeReader(settings);
});
afterAll(() => lake.close());

async function find(query: string, request: Partial<SearchRequest> = {}) {
  return search(lake, {
    query,
    fromMs: day,
    toMs: day + 86_400_000,
    timeColumn: 'event_time',
    tables: [delivered],
    tenantIds: ['acme'],
    limit: 100,
    ...request,
  });
}

/** Which records were found, oldest first. */
async function guids(query: string, request: Partial<SearchRequest> = {}): Promise<string> {
  const { hits } = await find(query, request);
  return hits
    .map(({ row }) => String(row['guid']))
    .reverse()
    .join(' ');
}

describe('a field', () => {
  it.each([
    ['', 'm0 m1 m2 m3 m4'],
    ['envelope_from=ann@example.com', 'm0'],
    ['ENVELOPE_FROM=ANN@*', 'm0'],
    ['envelope_from=*example*', 'm0 m1'],
    ['envelope_from=ann', ''],
    ['envelope_from=""', ''],
    ['subject="100% off_now"', 'm0'],
    ['subject="100% off_*"', 'm0'],
    ['subject="1*now"', 'm0 m1'],
    [String.raw`subject="\*\* c:\* über*"`, ''],
    [String.raw`subject="\*\* c:\\\* über*"`, 'm3'],
    ['spam_score>50', 'm0'],
    ['spam_score>=50', 'm0 m3'],
    ['spam_score<50', 'm1'],
    ['spam_score<=50.5', 'm1 m3'],
    ['spam_score=90 subject=*now', 'm0'],
    ['spam_score>99999999999999999999', ''],
    [`message_time>=${minute(3)}`, 'm3 m4'],
    ['message_time<"2026-01-31 00:01"', 'm0'],
  ])('%s finds %j', async (query, expected) => {
    expect(await guids(query)).toBe(expected);
  });

  it.each([
    ['subject=*', 'm0 m1 m3 m4'],
    ['spam_score=*', 'm0 m1 m3'],
    ['envelope_rcpts=*', 'm0 m1'],
    ['threats.time=*', 'm2'],
    ['spam_score=90', 'm0'],
    ['envelope_rcpts=kim@*', 'm0 m1'],
    ['parts.filename=b.exe', 'm0'],
  ])('!= finds just what %s does not', async (query, expected) => {
    expect(await guids(query)).toBe(expected);
    const others = ['m0', 'm1', 'm2', 'm3', 'm4'].filter((guid) => !expected.split(' ').includes(guid));
    expect(await guids(query.replace('=', '!='))).toBe(others.join(' '));
  });

  it.each([
    ['envelope_rcpts=lee@harbor.example', 'm0'],
    ['parts.sha256=aa11', 'm0'],
    ['parts.filename=a.pdf', 'm0 m1'],
    ['parts.filename=a.pdf parts.sha256=bb22', 'm0'],
    ['parts.filename=a.pdf parts.sha256!=bb22', 'm1'],
    ['threats.time>=2026-01-31', 'm2'],
    ['extra.riskTags=vip', 'm0'],
    ['extra.risktags=vip', ''],
    ['extra.nothing=*', ''],
  ])('within lists and extra: %s finds %j', async (query, expected) => {
    expect(await guids(query)).toBe(expected);
  });

  it('that no table has is refused, with those there are when one table is searched', async () => {
    await expect(find('subjct=x spam_score=1')).rejects.toThrow(
      /^search: proofpoint_tap_messages_delivered has no field "subjct"; quote the word to search for it as text; its fields are .*extra\.<key>.*, subject, .*parts\.sha256/,
    );
    await expect(find('parts=x', { tables: [delivered, clicks] })).rejects.toThrow(
      'search: no table has a field "parts"; quote the word to search for it as text, or name one table to see its fields',
    );
    await expect(find('click_ip=x spam_score=1', { tables: [delivered, clicks] })).rejects.toThrow(
      'no table has all of "click_ip", "spam_score"',
    );
  });
});

describe('free text', () => {
  it.each([
    ['OFFENOW', 'm1'],
    ['"100% off_now"', 'm0'],
    ['100%', 'm0'],
    ['off_now kim', 'm0'],
    [String.raw`"\"quote\""`, 'm3'],
    [String.raw`c:\\\*`, 'm3'],
    [String.raw`"c:\*"`, 'm3'],
    [String.raw`c:\*`, ''],
    ['harbor*kim@*offenow', ''],
    ['bob@*kim@harbor.example*offenow', 'm1'],
    ['*@harbor.example', 'm0 m1'],
    ['über', 'm3'],
    ['FÄLLIG', 'm4'],
    ['"a=b"', ''],
  ])('%s finds %j', async (query, expected) => {
    expect(await guids(query)).toBe(expected);
  });

  const linesSearched = 60;

  it('finds the one line that holds it, whatever it is', async () => {
    // what a line of a log, and a command line, can hold
    const anyText = fc
      .oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
        fc.string({
          unit: fc.constantFrom(`'`, '"', '\\', '%', '_', '*', '-', ';', ' ', '=', 'İ', 'ß', 'Σ', 'x'),
          minLength: 1,
        }),
      )
      .filter((text) => !/[\0\r\n]/.test(text));
    const texts =
      fc.sample(fc.uniqueArray(anyText, { minLength: linesSearched, maxLength: linesSearched }), {
        numRuns: 1,
        seed: 4471,
      })[0] ?? [];
    // each line by itself: what two texts have in common must not be found twice
    const line = (text: string, index: number) =>
      `2026-01-31T05:00:00.000000+00:00 mx1 filter_instance1[77]: rprt s=sid${index} mod=session cmd=x value=<${index}|${text}|${index}>`;
    const settings = await fillLake(temporaryDirectory('free-text'), [
      { tenantId: 'acme', table: filterTable, records: texts.map(line) },
    ]);
    const reader = await openLakeReader(settings);
    try {
      for (const [index, text] of texts.entries()) {
        const { hits } = await search(reader, {
          query: quoted(`<${index}|${text}|${index}>`),
          fromMs: day,
          toMs: day + 86_400_000,
          timeColumn: 'event_time',
          tables: [filterTable],
          limit: 10,
        });
        expect(hits.map(({ row }) => row['sid'])).toEqual([`sid${index}`]);
        expect(hits[0]?.row['raw']).toBe(line(text, index));
      }
    } finally {
      reader.close();
    }
  });
});

describe('what is searched', () => {
  it('is a range, its end left out, by the time of the event or of its arrival', async () => {
    const range = { fromMs: day + 60_000, toMs: day + 180_000 };
    expect(await guids('', range)).toBe('m1 m2');
    expect(await guids('', { ...range, timeColumn: 'ingested_at' })).toBe('');
    const arrived = { fromMs: loadedMs.from, toMs: loadedMs.to, timeColumn: 'ingested_at' } as const;
    expect((await find('', arrived)).hits).toHaveLength(5);
    expect((await find('', { ...arrived, toMs: loadedMs.from })).hits).toHaveLength(0);
  });

  it('are the tenants asked for, and no row of another, whatever the query', async () => {
    const tenantsOf = async (query: string, tenantIds?: string[]) => {
      const { hits } = await find(query, {
        tables: [delivered, clicks],
        ...(tenantIds === undefined ? {} : { tenantIds }),
      });
      return [...new Set(hits.map(({ row }) => String(row['tenant_id'])))].toSorted();
    };
    const { hits } = await search(lake, {
      query: '',
      fromMs: day,
      toMs: day + 86_400_000,
      timeColumn: 'event_time',
      limit: 100,
    });
    expect(new Set(hits.map(({ row }) => row['tenant_id']))).toEqual(new Set(['acme', 'globex']));
    expect(await tenantsOf('', ['acme', 'globex'])).toEqual(['acme', 'globex']);
    expect(await tenantsOf('', ['globex'])).toEqual(['globex']);
    expect(await tenantsOf('', [])).toEqual([]);
    expect(await tenantsOf('tenant_id=acme', ['globex'])).toEqual([]);
    for (const query of ['tenant_id!=nobody', `"' OR tenant_id='globex"`, `subject!="' OR true --"`, 'subject!=x'])
      expect(await tenantsOf(query, ['acme'])).not.toContain('globex');
    for (const tenant of [`acme') OR (tenant_id='globex`, `' OR '1'='1`, 'ACME', 'acme%', ''])
      expect(await tenantsOf('', [tenant])).toEqual([]);
  });

  it('are the tables asked for, each once, without those that lack a field', async () => {
    const tablesOf = async (query: string, tables: TableName[]) =>
      (await find(query, { tables })).hits.map(({ table }) => table).reverse();
    expect(await tablesOf('envelope_from=ann@example.com', [delivered, clicks, delivered])).toEqual([
      delivered,
      clicks,
    ]);
    expect(await tablesOf('spam_score=90', [clicks, delivered])).toEqual([delivered]);
    expect(await find('spam_score=90', { tables: [clicks, delivered] })).toMatchObject({
      searched: [delivered],
      leftOut: [clicks],
    });
    expect(await find('phish', { tables: [clicks] })).toMatchObject({ searched: [clicks], leftOut: [] });
  });

  it('is answered newest first, up to the limit, and says whether there is more', async () => {
    const times = async (limit: number) => {
      const { hits, more } = await find('', { tables: [delivered, clicks], limit });
      return { guids: hits.map(({ row }) => row['guid']), more };
    };
    expect(await times(2)).toEqual({ guids: ['c0', 'm4'], more: true });
    const all = ['c0', 'm4', 'm3', 'm2', 'm1', 'm0'];
    expect(await times(6)).toEqual({ guids: all, more: false });
    // by another way: the times of so many rows are not asked for first
    expect(await times(5000)).toEqual({ guids: all, more: false });
  });

  it('is no more than the limit where many rows have the same time', async () => {
    const { hits, more } = await find('', {
      timeColumn: 'ingested_at',
      fromMs: loadedMs.from,
      toMs: loadedMs.to,
      limit: 3,
    });
    expect(hits).toHaveLength(3);
    expect(more).toBe(true);
  });
});

describe('SQL in a query', () => {
  const attacks = [
    `'; DROP TABLE ${delivered}; --`,
    `' OR 1=1 --`,
    `x' UNION SELECT * FROM batches --`,
    `*' ESCAPE '\\' OR true --`,
    String.raw`\' OR true --`,
    `") OR true --`,
  ];

  it('does nothing as a value, as text, or as a key of extra', async () => {
    for (const attack of attacks) {
      for (const query of [
        quoted(attack),
        `subject=${quoted(attack)}`,
        `envelope_rcpts=${quoted(attack)}`,
        `parts.filename>${quoted(`zzz${attack}`)}`,
        `extra.riskTags=${quoted(attack)}`,
      ])
        expect(await guids(query)).toBe('');
      await expect(guids(`spam_score=${quoted(attack)}`)).rejects.toMatchObject({ code: 'lake.query' });
      await expect(guids(`message_time>${quoted(attack)}`)).rejects.toMatchObject({ code: 'lake.query' });
    }
    expect(await guids('')).toBe('m0 m1 m2 m3 m4');
  });

  it('cannot be a field: what does not look like one is text, what does must be one', async () => {
    expect(await guids(`"subject"=x' "OR" true`)).toBe('');
    expect(await guids(`1=1`)).toBe('');
    for (const query of ['subject]]--=1', 'rowid=0', 'main.subject=1', 'extra[a]=1'])
      await expect(guids(query)).rejects.toMatchObject({ code: 'lake.query' });
  });

  it('does nothing, whatever the query: it is answered or refused as a query', async () => {
    const piece = fc.constantFrom(
      `'`,
      '"',
      '\\',
      '*',
      '=',
      '!=',
      ' ',
      'subject',
      'extra.',
      '--',
      ';',
      ')',
      'lambda x:',
      '[',
      'é',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const outcome = await guids(pieces.join('')).catch((error: unknown) => error);
        if (typeof outcome === 'string') return;
        expect(outcome).toMatchObject({ code: 'lake.query', message: expect.stringMatching(/^search: /) });
      }),
      { numRuns: 50 },
    );
  });
});
