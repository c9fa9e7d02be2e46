import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { generateLogs, type LogObject, type LogTable } from '../../../simulator/logs/generate.ts';
import { tapEvents } from '../../../simulator/tap/events.ts';
import { cpuByJson } from '../../support/cpu.ts';

const fromMs = Date.parse('2026-11-20T04:30:00Z');
const toMs = Date.parse('2026-11-20T07:00:00Z');
const tables: readonly LogTable[] = [
  'proofpoint_gateway_filter_logs',
  'proofpoint_gateway_sendmail_logs',
  'proofpoint_on_demand_message',
  'proofpoint_on_demand_maillog',
];

const generate = (table: LogTable, more: { seed?: string; count?: number; malformed?: number } = {}) =>
  generateLogs({ seed: 'logs', tenant: 'acme', table, fromMs, toMs, count: 2000, ...more }).objects;
const recordsOf = (objects: readonly LogObject[]) => objects.flatMap(({ records }) => records);
const digests = (objects: readonly LogObject[]) =>
  objects.map(({ key, body }) => `${key} ${createHash('sha256').update(body).digest('hex')}`);
const textOf = ({ key, body }: LogObject) => (key.endsWith('.gz') ? gunzipSync(body) : body).toString();

const filter = recordsOf(generate('proofpoint_gateway_filter_logs'));
const sendmail = recordsOf(generate('proofpoint_gateway_sendmail_logs'));
const messages = recordsOf(generate('proofpoint_on_demand_message', { count: 1000 })).map((text) => JSON.parse(text));
const maillogs = recordsOf(generate('proofpoint_on_demand_maillog')).map((text) => JSON.parse(text));

describe.each(tables)('objects of %s', (table) => {
  const objects = generate(table, { malformed: 3 });

  it('are the same bytes for the same seed and others for another', () => {
    expect(digests(generate(table, { malformed: 3 }))).toEqual(digests(objects));
    expect(digests(generate(table, { seed: 'other', malformed: 3 }))).not.toEqual(digests(objects));
  });

  it('hold exactly the records they say, one a line, some objects plain and some compressed', () => {
    for (const object of objects) expect(textOf(object).replace(/\n$/, '')).toBe(object.records.join('\n'));
    expect(recordsOf(objects)).toHaveLength(2003);
    expect(objects.some(({ key }) => key.endsWith('.gz'))).toBe(true);
    expect(objects.some(({ key }) => !key.endsWith('.gz'))).toBe(true);
  });

  it('have keys by hour and number, each once', () => {
    const keys = objects.map(({ key }) => key);
    for (const key of keys) expect(key).toMatch(/^(\w+)\/2026\/11\/20\/0[456]\/\1-\d{5}\.(log|ndjson)(\.gz)?$/);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(keys.map((key) => key.split('/')[4]))).toEqual(new Set(['04', '05', '06']));
  });
});

it('gives the objects of successive minutes keys and mails of their own', () => {
  const minutes = [0, 1, 2].map((minute) => {
    const startMs = fromMs + minute * 60_000;
    const range = { fromMs: startMs, toMs: startMs + 60_000, count: 500 };
    return generateLogs({ seed: 'logs', tenant: 'acme', table: 'proofpoint_on_demand_message', ...range }).objects;
  });
  const keys = minutes.flat().map(({ key }) => key.replace(/\.gz$/, ''));
  expect(new Set(keys).size).toBe(keys.length);
  expect(new Set(recordsOf(minutes.flat())).size).toBe(1500);
});

it('inserts as many malformed records as told, and no others', () => {
  const isJson = (text: string) => {
    try {
      return typeof JSON.parse(text) === 'object';
    } catch {
      return false;
    }
  };
  for (const table of ['proofpoint_on_demand_message', 'proofpoint_on_demand_maillog'] as const) {
    const bad = recordsOf(generate(table, { malformed: 5 })).filter((text) => !isJson(text));
    expect(bad).toHaveLength(5);
    expect(bad.every((text) => text.startsWith('{'))).toBe(true);
  }
  for (const table of ['proofpoint_gateway_filter_logs', 'proofpoint_gateway_sendmail_logs'] as const) {
    const bad = recordsOf(generate(table, { malformed: 5 })).filter((text) => !text.includes('='));
    expect(bad.filter((text) => text.startsWith('garbled '))).toHaveLength(5);
  }
});

describe('filter lines', () => {
  it('hold every step of a mail and all three kinds of header', () => {
    const steps = new Set(filter.flatMap((line) => /mod=(\w+) cmd=(\w+)/.exec(line)?.slice(1).join(' ') ?? []));
    for (const step of [
      'session connect',
      'session resolve',
      'session data',
      'session headers',
      'session store',
      'session judge',
      'session dispose',
      'session disconnect',
      'session throttle',
      'mail helo',
      'mail env_from',
      'mail env_rcpt',
      'mail attachment',
      'mail msg',
      'access run',
      'av run',
      'zerohour run',
      'spf run',
      'dkimv run',
      'dmarc run',
      'pdr run',
      'urldefense run',
      'spam run',
      'batv run',
    ]) {
      expect(steps).toContain(step);
    }
    expect(filter.some((line) => / cmd=send profile=mail qid=/.test(line))).toBe(true);
    const isoShare = filter.filter((line) =>
      /^\d{4}-\d\d-\d\dT[\d:.]{15}[+-]\d\d:\d\d mx0\d\.acme\.example filter_/.test(line),
    );
    expect(isoShare.length / filter.length).toBeGreaterThan(0.7);
    expect(
      filter.some((line) =>
        /^(<142>)?Nov 20 \d\d:\d\d:\d\d mx0\d\.acme\.example filter_instance\d\[\d+\]: /.test(line),
      ),
    ).toBe(true);
    expect(filter.some((line) => /^\[2026-11-\d\d [\d:.]{15} [+-]\d{4}\] rprt s=/.test(line))).toBe(true);
  });

  it('hold the oddities of real lines', () => {
    expect(filter.some((line) => line.includes(' module= rule= action= '))).toBe(true);
    expect(filter.some((line) => /routes=\S+, /.test(line))).toBe(true);
    expect(filter.some((line) => line.includes('subject="Fwd: \\"quoted, with = and'))).toBe(true);
    expect(filter.some((line) => line.includes('cmd=run cmd=run'))).toBe(true);
    expect(filter.some((line) => line.includes('日本') || line.includes('見積書'))).toBe(true);
  });
});

describe('sendmail lines', () => {
  it.each([
    ['an arrival', / \w{14}: from=<?\S+>?, size=\d+, class=-?\d+, nrcpts=\d, msgid=</],
    [
      'a delivery in the words of Exchange Online',
      /dsn=2\.0\.0, stat=Sent \(<.+> \[InternalId=\d+, Hostname=\w+\.example\.net\] \d+ bytes in /,
    ],
    ['a delay of more than a day', /, delay=1\+16:51:01, /],
    ['a deferral', /stat=Deferred: Connection refused by mx\./],
    ['an unknown user', /dsn=5\.1\.1, stat=User unknown$/],
    ['a session without TLS words', /STARTTLS=server, relay=.+, bits=256\/256$/],
    ['a login', /AUTH=server, relay=.+\(may be forged\), authid=/],
    ['a ruleset', /ruleset=check_rcpt, arg1=<.+reject=550 5\.1\.1/],
    ['a system error', /: SYSERR\(root\): /],
    ['a delivery without a queue id', /\]: to=<.+stat=Deferred$/],
    ['an IPv6 relay', /relay=\S+ \[IPv6:2001:db8:/],
  ])('hold %s', (_, pattern) => {
    expect(sendmail.some((line) => pattern.test(line))).toBe(true);
  });

  it('repeat a line now and then', () => {
    expect(new Set(sendmail).size).toBeLessThan(sendmail.length);
    expect(new Set(sendmail).size).toBeGreaterThan(sendmail.length * 0.95);
  });
});

describe('PoD records', () => {
  it('of maillog lose in `sm` what stands behind the first "=" or ", ", and keep it in `data`', () => {
    const exchange = maillogs.filter(({ data }) => data.includes('InternalId='));
    expect(exchange.length).toBeGreaterThan(50);
    for (const { sm } of exchange) expect(sm.stat).toMatch(/^Sent \(<.+> \[InternalId$/);
    const bounces = maillogs.filter(({ data }) => data.includes('from=<bounce+'));
    expect(bounces.length).toBeGreaterThan(5);
    for (const { sm } of bounces) expect(sm.from).toMatch(/^<bounce\+[0-9a-f]{6}$/);
    for (const { data, sm } of maillogs) expect(data).toContain(` ${sm.qid}: `);
  });

  it('of maillog have numbers as strings, in the old schema as numbers', () => {
    const [old, current] = [
      maillogs.filter(({ metadata }) => metadata.origin.schemaVersion === undefined),
      maillogs.filter(({ metadata }) => metadata.origin.schemaVersion === '20200420'),
    ];
    expect(old.length).toBeGreaterThan(10);
    expect(old.length + current.length).toBe(maillogs.length);
    const sizes = (records: typeof maillogs) =>
      new Set(records.flatMap(({ sm }) => (sm.sizeBytes === undefined ? [] : typeof sm.sizeBytes)));
    expect(sizes(old)).toEqual(new Set(['number']));
    expect(sizes(current)).toEqual(new Set(['string']));
  });

  it('of message are one for each mail, with times of micro-seconds and offsets without a colon', () => {
    expect(new Set(messages.map(({ guid }) => guid)).size).toBe(messages.length);
    for (const { ts } of messages) expect(ts).toMatch(/^2026-11-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4}$/);
    expect(messages.some(({ msgParts }) => msgParts.some((part: { metadata: object }) => '' in part.metadata))).toBe(
      true,
    );
  });
});

describe('one mail', () => {
  it('is the same in filter log, sendmail log, PoD message and PoD maillog', () => {
    const linesWith = (lines: readonly string[], text: string) => lines.filter((line) => line.includes(text));
    const known = messages.filter(({ guid }) => linesWith(filter, `guid=${guid} `).length > 0);
    expect(known.length).toBeGreaterThan(30);
    for (const { guid, filter: filtered, connection } of known) {
      const [summary] = linesWith(filter, `guid=${guid} `);
      expect(summary).toContain(`s=${connection.sid} `);
      expect(summary).toContain(`qid=${filtered.qid} `);
    }
    const arrivals = messages.flatMap(({ filter: filtered, envelope }) =>
      linesWith(sendmail, `${filtered.qid}: from=`).map((line) => ({ line: line.toLowerCase(), from: envelope.from })),
    );
    expect(arrivals.length).toBeGreaterThan(300);
    for (const { line, from } of arrivals) expect(line).toContain(from);
    const qids = new Set(maillogs.map(({ sm }) => sm.qid));
    expect(messages.filter(({ filter: filtered }) => qids.has(filtered.qid)).length).toBeGreaterThan(300);
  });

  it('is the one that TAP events of the same seed and tenant are about', () => {
    const stream = { seed: 'logs', tenant: 'acme', eventsPerHour: 40, rhythm: 'steady' } as const;
    const guids = new Set(messages.map(({ guid }) => guid));
    const events = tapEvents(stream, Date.parse('2026-11-20T05:00:00Z'), toMs);
    const known = events.filter(({ record }) => guids.has(record['GUID']));
    expect(known.length / events.length).toBeGreaterThan(0.3);
  });
});

it.each([
  ['proofpoint_gateway_filter_logs', 3],
  ['proofpoint_gateway_sendmail_logs', 3],
  ['proofpoint_on_demand_maillog', 5],
  // five kilobytes each
  ['proofpoint_on_demand_message', 15],
] as const)('tells a record of %s in the time of %i kilobytes of JSON, read and written', (table, kilobytes) => {
  const count = 4000;
  const time = cpuByJson(() => generate(table, { count }));
  expect(time / count).toBeLessThan(kilobytes);
});
