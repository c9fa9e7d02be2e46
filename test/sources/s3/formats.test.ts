import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readObjectRecords } from '../../../sources/s3/read.ts';
import { s3Settings } from '../../../sources/settings.ts';
import { chooseTable } from '../../../tables/choice.ts';
import type { Origin, RawRecord, Row } from '../../../tables/table.ts';
import { asText, inChunks } from '../streams.ts';

const origin: Origin = {
  tenantId: 'acme',
  batchId: 'acme/pod/s3/logs/key@etag',
  uri: 's3://logs/key',
  fallbackTime: 1_769_835_600_000_000,
  fallbackTimeSource: 'object',
  ingestedAt: 1_769_835_700_000_000,
};

type Letter = { table: string; code: string; record: RawRecord };

/** What an object of that content becomes. */
async function load(name: Parameters<typeof chooseTable>[0], content: string | Uint8Array, chunkBytes = 10_000) {
  const choice = chooseTable(name);
  const limits = { ratioMax: 1000, megabytesMax: 64_000 };
  const rows: { table: string; row: Row }[] = [];
  const letters: Letter[] = [];
  for await (const records of readObjectRecords({ chunks: inChunks(content, chunkBytes), ...choice.form, limits })) {
    for (const record of records) {
      const { table, row, reject } = choice.parse(record, origin);
      if (row !== undefined) rows.push({ table, row });
      else letters.push({ table, code: reject.code, record });
    }
  }
  return { rows, letters };
}

function fixture(table: string): string[] {
  const file = new URL(`../../fixtures/records/${table}.ndjson`, import.meta.url);
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

const messages = fixture('proofpoint_on_demand_message');
const maillog = fixture('proofpoint_on_demand_maillog');

const csvCell = (value: unknown) =>
  value === undefined ? '' : `"${(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('"', '""')}"`;

/** Top-level fields as columns. */
function asCsv(lines: readonly string[]): string {
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return [names.join(','), ...records.map((record) => names.map((name) => csvCell(record[name])).join(','))].join(
    '\r\n',
  );
}

const forms: Readonly<Record<string, (lines: readonly string[]) => string>> = {
  lines: (lines) => lines.join('\r\n'),
  'an array': (lines) => `[${lines.join(',\n')}]`,
  Records: (lines) => `{"Records":[${lines.join(',')}]}`,
  'values one behind the other': (lines) => lines.join(''),
  CSV: asCsv,
};

describe('an object of Proofpoint on Demand', () => {
  it.each(Object.keys(forms))(
    'gives the same events in every form, with a byte order mark or without: %s',
    async (form) => {
      const lines = [...messages, ...maillog];
      const wanted = await load('proofpoint_on_demand', lines.join('\n'));
      expect(wanted.rows.map(({ table }) => table)).toEqual([
        ...messages.map(() => 'proofpoint_on_demand_message'),
        ...maillog.map(() => 'proofpoint_on_demand_maillog'),
      ]);
      const ids = wanted.rows.map(({ row }) => row['event_id']);
      for (const marked of ['', '\u{feff}']) {
        const { rows, letters } = await load('proofpoint_on_demand', marked + (forms[form]?.(lines) ?? ''));
        expect(letters).toEqual([]);
        expect(rows.map(({ row }) => row['event_id'])).toEqual(ids);
      }
    },
  );

  it('gives rows of one table alone as well', async () => {
    expect((await load('proofpoint_on_demand_message', asCsv(messages))).rows).toHaveLength(messages.length);
    expect((await load('proofpoint_on_demand_maillog', asCsv(maillog))).rows).toHaveLength(maillog.length);
  });

  it('reads CSV by paths and by the names of columns', async () => {
    const byPath =
      'guid,connection.ip,connection.tls.inbound.cipherBits,envelope.rcpts,filter.isMsgEncrypted,msgParts[0].sha256';
    const byColumn = 'guid,conn_ip,tls_in_cipher_bits,envelope_rcpts,is_msg_encrypted,parts';
    const cells = 'g1,192.0.2.1,256,"[""a@x.example"",""b@x.example""]",true,';
    const expected = {
      guid: 'g1',
      conn_ip: '192.0.2.1',
      tls_in_cipher_bits: 256,
      envelope_rcpts: ['a@x.example', 'b@x.example'],
      is_msg_encrypted: true,
      parts: [{ sha256: 'aa' }],
      source_ref: { uri: 's3://logs/key', line: 2 },
    };
    for (const content of [`${byPath}\n${cells}aa\n`, `${byColumn}\n${cells}"[{""sha256"":""aa""}]"\n`]) {
      const { rows } = await load('proofpoint_on_demand', content);
      expect(rows).toMatchObject([{ table: 'proofpoint_on_demand_message', row: expected }]);
      expect(rows[0]?.row['extra']).toEqual(new Map());
    }
    const { rows } = await load('proofpoint_on_demand', 'ml_id,qid,sm_to,data\n7,q1,c@x.example,\n');
    expect(rows).toMatchObject([{ table: 'proofpoint_on_demand_maillog', row: { ml_id: '7', qid: 'q1' } }]);
  });

  it('tells records apart by their fields, and keeps those that are neither', async () => {
    const lines = [
      '{"guid":"g","msgParts":[]}',
      '{"guid":"g","envelope":{}}',
      '{"guid":"g","filter":{},"data":"sendmail"}',
      '{"id":"1","sm":{"qid":"q"}}',
      '{"id":"1","data":"host sendmail[1]: q: to=<a@x.example>"}',
      '{"id":"1","data":"host cron[1]: done"}',
      '{"id":"1"}',
      '{}',
      'no json',
      '[1]',
    ];
    const { rows, letters } = await load('proofpoint_on_demand', lines.join('\n'));
    expect(rows.map(({ table }) => table.slice('proofpoint_on_demand_'.length))).toEqual([
      'message',
      'message',
      'message',
      'maillog',
      'maillog',
    ]);
    expect(letters.map(({ code }) => code)).toEqual([
      'unknown_record',
      'unknown_record',
      'invalid_record',
      'invalid_json',
      'not_an_object',
    ]);
    expect(letters.map(({ record }) => asText(record.bytes))).toEqual(lines.slice(5));
  });

  it.each([
    ['JSON', Buffer.from('{"guid":"a","envelope":{}}\r\n')],
    ['CSV', Buffer.from('guid,envelope.from\r\n')],
  ])('keeps bytes that are no UTF-8 as they are: %s', async (form, beginning) => {
    const bad = Buffer.concat([
      Buffer.from(form === 'CSV' ? 'b,' : '{"guid":"b'),
      Buffer.from([0xff, 0xc3, 0x28]),
      Buffer.from('x'),
    ]);
    const good = form === 'CSV' ? 'é,b@x.example' : '{"guid":"é","envelope":{}}';
    const content = Buffer.concat([beginning, bad, Buffer.from(`\r\n${good}\r\n`)]);
    expect(isUtf8(content)).toBe(false);
    for (const table of ['proofpoint_on_demand', 'proofpoint_on_demand_message'] as const) {
      const { rows, letters } = await load(table, content, 3);
      expect(rows.at(-1)?.row['guid']).toBe('é');
      expect(letters).toHaveLength(1);
      expect(Buffer.from(letters[0]?.record.bytes ?? [])).toEqual(bad);
      expect(letters[0]?.record).toMatchObject({ offset: beginning.length, line: 2 });
    }
  });

  it.each([
    ['JSON', '{"guid":"', '","envelope":{}}\n', ''],
    ['CSV', '"', '",a@x.example\n', 'guid,envelope.from\n'],
  ])('reads records of up to 64 MB, and no longer ones: %s', async (_, head, tail, header) => {
    const megabytes = (count: number) => Buffer.alloc(count << 20, 'x');
    const content = Buffer.concat([
      Buffer.from(header + head),
      megabytes(63),
      Buffer.from(tail + head),
      megabytes(64),
      Buffer.from(tail + head + 'last' + tail),
    ]);
    const { rows, letters } = await load('proofpoint_on_demand_message', content, 1 << 20);
    expect(rows.map(({ row }) => String(row['guid']).length)).toEqual([63 << 20, 4]);
    expect(letters.map(({ code, record }) => [code, record.bytes.length])).toEqual([['too_large', 1 << 20]]);
  });
});

describe('s3Settings', () => {
  it('takes a table, or both of Proofpoint on Demand, and none of TAP', () => {
    const source = { kind: 's3', bucket: 'logs' };
    for (const table of ['proofpoint_on_demand', 'proofpoint_on_demand_message', 'proofpoint_gateway_filter_logs']) {
      expect(s3Settings.parse({ ...source, table })).toMatchObject({ table });
    }
    for (const table of ['proofpoint_tap_clicks_blocked', 'proofpoint', undefined]) {
      expect(s3Settings.safeParse({ ...source, table }).success).toBe(false);
    }
  });
});
