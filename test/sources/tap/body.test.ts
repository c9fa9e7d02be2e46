import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTapBody } from '../../../sources/tap/body.ts';
import { asText, collect, inChunks } from '../streams.ts';

async function read(content: string, chunkBytes?: number) {
  const body = readTapBody(inChunks(content, chunkBytes));
  const records = (await collect(body)).flat();
  return {
    queryEndTime: body.queryEndTime,
    records: records.map(({ table, record: { bytes, offset, line } }) => ({
      table,
      text: asText(bytes),
      offset,
      line,
    })),
  };
}

const names = {
  messagesDelivered: 'proofpoint_tap_messages_delivered',
  messagesBlocked: 'proofpoint_tap_messages_blocked',
  clicksPermitted: 'proofpoint_tap_clicks_permitted',
  clicksBlocked: 'proofpoint_tap_clicks_blocked',
} as const;

describe('readTapBody', () => {
  it('gives every record of every list to its table, with its place', async () => {
    const content =
      '\u{feff} {"queryEndTime":"2026-01-31T06:00:00Z","clicksBlocked":[],\n"messagesDelivered":[ {"GUID":"a"} , {"GUID":"}]"}],"messagesBlocked":[{"GUID":"c"}]}\n';
    for (const chunkBytes of [1, 7, 1000]) {
      const { queryEndTime, records } = await read(content, chunkBytes);
      expect(queryEndTime).toBe('2026-01-31T06:00:00Z');
      expect(records.map(({ table, text, line }) => [table, text, line])).toEqual([
        [names.messagesDelivered, '{"GUID":"a"}', 1],
        [names.messagesDelivered, '{"GUID":"}]"}', 2],
        [names.messagesBlocked, '{"GUID":"c"}', 1],
      ]);
      const bytes = Buffer.from(content);
      for (const { offset, text } of records) expect(bytes.subarray(offset).toString()).toMatch(text);
    }
  });

  const list = fc.array(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 })), {
    maxLength: 5,
  });
  const answer = fc.record({
    messagesDelivered: list,
    messagesBlocked: list,
    clicksPermitted: list,
    clicksBlocked: list,
  });

  it('loses and invents nothing, and notices every cut', async () => {
    await fc.assert(
      fc.asyncProperty(answer, fc.integer({ min: 1, max: 50 }), fc.nat(), async (lists, chunkBytes, cut) => {
        const content = JSON.stringify({ ...lists, queryEndTime: '2026-01-31T06:00:00Z' });
        const { records } = await read(content, chunkBytes);
        expect(records.map(({ table, text }) => [table, JSON.parse(text)])).toEqual(
          (Object.keys(names) as (keyof typeof names)[]).flatMap((key) =>
            (JSON.parse(JSON.stringify(lists[key])) as unknown[]).map((record) => [names[key], record]),
          ),
        );
        await expect(read(content.slice(0, cut % content.length), chunkBytes)).rejects.toMatchObject({
          code: 'tap.bad_body',
        });
      }),
    );
  });

  it('leaves the inside of a record to its table', async () => {
    const { records } = await read('{"clicksBlocked":[{"domain": }, null, "x", 12,{"a":1}]}');
    expect(records.map(({ text }) => text)).toEqual(['{"domain": }', 'null', '"x"', '12', '{"a":1}']);
  });

  it('tolerates the colon that the vendor has put into a key', async () => {
    const { records } = await read('{"messagesDelivered:":[{"a":1}],"queryEndTime":"2023-05-23T19:01:34Z"}');
    expect(records.map(({ table }) => table)).toEqual([names.messagesDelivered]);
  });

  it.each([
    '{"queryEndTime":"2026-01-31T06:00:00Z"}',
    '{"messagesDelivered":[],"clicksBlocked":null}',
    '{"messagesDelivered":[],"news":[],"paging":{"next":[1,{"a":"]"}]},"total":0}',
  ])('finds nothing where there is nothing: %s', async (content) => {
    expect((await read(content)).records).toEqual([]);
  });

  it('refuses records that no table is known for, by name of their list', async () => {
    await expect(read('{"messagesDelivered":[],"messagesQuarantined":[{"a":1}]}')).rejects.toMatchObject({
      code: 'tap.bad_body',
      message: expect.stringContaining('"messagesQuarantined"'),
    });
    await expect(read('{"__proto__":[{"a":1}]}')).rejects.toMatchObject({ code: 'tap.bad_body' });
  });

  it.each([
    ['', 'is empty'],
    [' \n', 'is empty'],
    ['{}', 'holds neither'],
    ['{"message":"access denied"}', 'holds neither'],
    ['[]', 'is malformed at byte 0'],
    ['null', 'is malformed at byte 0'],
    ['<html>', 'is malformed at byte 0'],
    ['{"messagesDelivered":{"a":1}}', 'has no list in messagesDelivered'],
    ['{"messagesDelivered":"no"}', 'has no list in messagesDelivered'],
    ['{"messagesDelivered":[]}{', 'is malformed at byte 24'],
    ['{"messagesDelivered":[],}', 'is malformed at byte 24'],
    ['{"messagesDelivered" []}', 'is malformed at byte 21'],
    ['{"messagesDelivered":[{"a":1}{"b":2}]}', 'is malformed at byte 29'],
    ['{"messagesDelivered":[{"a":1},]}', 'is malformed at byte 30'],
    ['{"messagesDelivered":[]', 'is cut short after 23 bytes'],
    ['{"messages\\xDelivered":[]}', 'is malformed at byte 1'],
  ])('refuses what is no answer of the vendor: %s', async (content, what) => {
    await expect(read(content)).rejects.toMatchObject({ code: 'tap.bad_body', message: expect.stringContaining(what) });
  });

  it('passes on what its bytes throw', async () => {
    const reason = new Error('connection lost');
    async function* failing() {
      yield Buffer.from('{"messagesDelivered":[');
      throw reason;
    }
    await expect(collect(readTapBody(failing()))).rejects.toBe(reason);
  });
});
