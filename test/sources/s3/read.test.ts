import { pipeline, Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGzip, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readObjectRecords, type ReadObject } from '../../../sources/s3/read.ts';
import { asText, collect, inChunks } from '../streams.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function read(content: string | Uint8Array, format: ReadObject['format'] = 'text', chunkBytes?: number) {
  const batches = await collect(readObjectRecords({ chunks: inChunks(content, chunkBytes), format }));
  return batches.flat();
}

const texts = async (...input: Parameters<typeof read>): Promise<string[]> =>
  (await read(...input)).map(({ bytes }) => asText(bytes));

describe('readObjectRecords', () => {
  it('makes a record of every line that is not blank', async () => {
    const content = '\u{feff}one\r\n\n  two \r\r\n \t \nthree';
    for (const chunkBytes of [1, 2, 5, 100]) {
      const records = await read(content, 'text', chunkBytes);
      expect(records.map(({ bytes, offset, line }) => [asText(bytes), offset, line])).toEqual([
        ['one', 3, 1],
        ['  two \r', 9, 3],
        ['three', 22, 5],
      ]);
    }
  });

  it.each(['text', 'json'] as const)('finds nothing in an empty object: %s', async (format) => {
    expect(await read('', format)).toEqual([]);
    expect(await read(gzipSync(''), format)).toEqual([]);
  });

  it('keeps bytes that are no UTF-8', async () => {
    const [record] = await read(Buffer.from([0xff, 0x00, 0x80, 0x0a]));
    expect([...(record?.bytes ?? [])]).toEqual([0xff, 0x00, 0x80]);
  });

  it('decompresses gzip by content, however many members it has and wherever chunks end', async () => {
    const members = Buffer.concat([gzipSync('{"a":1}\n{"b"'), gzipSync(':2}\n'), gzipSync(''), gzipSync('{"c":3}')]);
    for (let chunkBytes = 1; chunkBytes <= members.length; chunkBytes += 1) {
      expect(await texts(members, 'json', chunkBytes)).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
    }
    expect(await texts(Buffer.concat([members, Buffer.alloc(512)]), 'json')).toHaveLength(3);
  });

  const zipped = gzipSync(Array.from({ length: 5000 }, (_, index) => `line ${index}\n`).join(''));
  const flipped = Buffer.from(zipped);
  flipped[zipped.length >> 1] = (flipped[zipped.length >> 1] ?? 0) ^ 0xff;
  it.each([
    ['cut', zipped.subarray(0, -1)],
    ['cut in its head', zipped.subarray(0, 11)],
    ['corrupt', flipped],
    ['followed by something else', Buffer.concat([zipped, Buffer.from('line 5000\n')])],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x00])],
    ['bzip2', Buffer.from('BZh91AY&SY\u0001\u0002', 'latin1')],
    ['zip', Buffer.from('PK\u0003\u0004\u0014', 'latin1')],
  ])('refuses compressed data that is %s', async (_, content) => {
    for (const chunkBytes of [1, 1000, 1 << 20]) {
      await expect(read(content, 'text', chunkBytes)).rejects.toMatchObject({ code: 's3.bad_content' });
    }
  });

  it('takes text for text though it begins like a signature', async () => {
    expect(await texts('BZh9 is a word\nPK\u0003')).toEqual(['BZh9 is a word', 'PK\u0003']);
  });

  it('gives batches of about 1,000 records or 1 MB', async () => {
    const short = await collect(readObjectRecords({ chunks: inChunks('x\n'.repeat(2500)), format: 'text' }));
    expect(short.map((batch) => batch.length)).toEqual([1000, 1000, 500]);
    const long = `${'x'.repeat(300_000)}\n`;
    const batches = await collect(readObjectRecords({ chunks: inChunks(long.repeat(6), 65_536), format: 'text' }));
    expect(batches.map((batch) => batch.length)).toEqual([4, 2]);
  });

  it('marks a line that is too long and keeps its beginning', async () => {
    async function* chunks() {
      yield Buffer.from('first\n');
      const filler = Buffer.alloc(1 << 20, 'x');
      for (let count = 0; count < 65; count += 1) yield filler;
      yield Buffer.from('\nlast\n');
    }
    const records = (await collect(readObjectRecords({ chunks: chunks(), format: 'text' }))).flat();
    expect(records.map(({ bytes, line, oversized }) => [bytes.length, line, oversized])).toEqual([
      [5, 1, undefined],
      [1 << 20, 2, true],
      [4, 3, undefined],
    ]);
  });

  it('passes on what its bytes throw, and lets go of them when it is left', async () => {
    const reason = new Error('connection lost');
    async function* failing(content: Uint8Array) {
      yield content;
      throw reason;
    }
    for (const content of [Buffer.from('one\n'), zipped.subarray(0, 100)]) {
      await expect(collect(readObjectRecords({ chunks: failing(content), format: 'text' }))).rejects.toBe(reason);
    }
    for (const content of [Buffer.from('one\n'.repeat(5000)), zipped]) {
      let released = false;
      async function* chunks() {
        try {
          for (;;) yield content;
        } finally {
          released = true;
        }
      }
      for await (const batch of readObjectRecords({ chunks: chunks(), format: 'text' })) {
        expect(batch).toHaveLength(1000);
        break;
      }
      expect(released).toBe(true);
    }
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled by the caller');
    async function* endless() {
      for (;;) yield Buffer.from('line\n'.repeat(1000));
    }
    const reading = (async () => {
      for await (const _ of readObjectRecords({ chunks: endless(), format: 'text', signal: controller.signal })) {
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
  });

  const record = JSON.stringify({
    guid: 'x'.repeat(40),
    parts: Array.from({ length: 12 }, (_, n) => ({ n, md5: 'f'.repeat(32) })),
  });
  const block = Buffer.from(`${record}\n`.repeat(300));
  async function* blocks() {
    for (let sizeBytes = 0; sizeBytes < 200 << 20; sizeBytes += block.length) yield Buffer.from(block);
  }
  it.each([
    ['lines', 'text', blocks],
    ['gzip of JSON lines', 'json', () => pipeline(Readable.from(blocks()), createGzip({ level: 1 }), () => undefined)],
  ] as const)('needs no more memory for 200 MB than for a few: %s', async (_, format, chunks) => {
    let count = 0;
    let batchCount = 0;
    const heldBytes: number[] = [];
    for await (const batch of readObjectRecords({ chunks: chunks(), format })) {
      count += batch.length;
      batchCount += 1;
      if (batchCount % 25 !== 0) continue;
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      heldBytes.push(heapUsed + arrayBuffers);
    }
    expect(count).toBe(300 * Math.ceil((200 << 20) / block.length));
    expect(heldBytes.length).toBeGreaterThan(5);
    expect(Math.max(...heldBytes) - Math.min(...heldBytes)).toBeLessThan(48 << 20);
  });
});
