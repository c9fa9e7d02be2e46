import { pipeline, Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGzip, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompress, type ObjectLimits } from '../../../sources/s3/compression.ts';
import { readObjectRecords, type ReadObject } from '../../../sources/s3/read.ts';
import { asText, collect, inChunks } from '../streams.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const limits: ObjectLimits = { ratioMax: 1000, megabytesMax: 64_000 };

async function read(content: string | Uint8Array, format: ReadObject['format'] = 'text', chunkBytes?: number) {
  const batches = await collect(readObjectRecords({ chunks: inChunks(content, chunkBytes), format, limits }));
  return batches.flat();
}

const texts = async (...input: Parameters<typeof read>): Promise<string[]> =>
  (await read(...input)).map(({ bytes }) => asText(bytes));

const base64 = (text: string) => Buffer.from(text, 'base64');

/** `{"a":1}`, `{"b":2}` and `{"c":3}` as lines, made with zstd 1.5 and bzip2 1.0. */
const packed: Readonly<Record<string, Buffer>> = {
  zstd: base64('KLUv/QRYwQAAeyJhIjoxfQp7ImIiOjJ9CnsiYyI6M30K0O1nvQ=='),
  'zstd of two frames': base64('KLUv/QRYUQAAeyJhIjoxfQp7IrC+pzAotS/9AFhxAABiIjoyfQp7ImMiOjN9Cg=='),
  'zstd behind a frame to skip': Buffer.concat([
    Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]),
    base64('KLUv/QRYwQAAeyJhIjoxfQp7ImIiOjJ9CnsiYyI6M30K0O1nvQ=='),
  ]),
  bzip2: base64(
    'QlpoOTFBWSZTWXXtvi8AAAPZgAAQEAAgECAAAAogACIDZQhgEaSx8XckU4UJB17b4vBCWmgxMUFZJlNZPsYXywAABNmAABAQABgQGAAACiAAMQZMQNAaeoJ8CacyHi7kinChIH2ML5Y=',
  ),
};

/** A frame of blocks that are stored as they are, or are one letter 131,072 times. */
function zstdFrame(blocks: readonly (Uint8Array | 'run')[], window = 0x50): Buffer {
  const parts: Uint8Array[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window])];
  for (const [index, block] of blocks.entries()) {
    const isRun = block === 'run';
    const header = ((isRun ? 131_072 : block.length) << 3) | (isRun ? 2 : 0) | (index === blocks.length - 1 ? 1 : 0);
    parts.push(Buffer.from([header & 0xff, (header >> 8) & 0xff, header >> 16]), isRun ? Buffer.from('x') : block);
  }
  return Buffer.concat(parts);
}

function flipped(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 0xff;
  return copy;
}

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

  it('reads gzip members behind zero padding, wherever chunks end', async () => {
    const lines = (from: number) => Array.from({ length: 3000 }, (_, index) => `line ${from + index}\n`).join('');
    const [one, two] = [gzipSync(lines(0)), gzipSync(lines(3000))];
    const content = Buffer.concat([one, Buffer.alloc(100), two, Buffer.alloc(7), gzipSync('last'), Buffer.alloc(512)]);
    // the second member ends within the first 16 KB, and so does all
    expect(content.length).toBeLessThan(16 << 10);
    for (const chunkBytes of [content.length, one.length, one.length + 1, one.length + 100, one.length + 101, 97]) {
      const found = await texts(content, 'text', chunkBytes);
      expect([found.length, found[3000], found.at(-1)]).toEqual([6001, 'line 3000', 'last']);
    }
  });

  it.each(Object.keys(packed))(
    'decompresses by content, in one part or more, wherever chunks end: %s',
    async (name) => {
      const content = packed[name] ?? Buffer.alloc(0);
      for (let chunkBytes = 1; chunkBytes <= content.length; chunkBytes += 1) {
        expect(await texts(content, 'json', chunkBytes)).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
      }
    },
  );

  it('finds nothing in what is compressed and empty', async () => {
    expect(await read(base64('KLUv/SQAAQAAmenYUQ=='))).toEqual([]);
    expect(await read(base64('QlpoORdyRThQkAAAAAA='))).toEqual([]);
  });

  it('decompresses more frames than a stack holds', async () => {
    const one = zstdFrame([Buffer.from('x\n')], 0);
    expect(await read(Buffer.concat(Array.from({ length: 20_000 }, () => one)))).toHaveLength(20_000);
  });

  const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}\n`).join('');
  const zipped = gzipSync(numbered(5000));
  const { zstd = zipped, bzip2 = zipped } = packed;
  it.each([
    ['cut gzip', zipped.subarray(0, -1)],
    ['gzip that is cut in its head', zipped.subarray(0, 11)],
    ['corrupt gzip', flipped(zipped)],
    ['gzip followed by something else', Buffer.concat([zipped, Buffer.from('line 5000\n')])],
    [
      'gzip with something else behind its padding',
      Buffer.concat([zipped, Buffer.alloc(9), Buffer.from('line 5000\n')]),
    ],
    ['gzip that is cut behind padding', Buffer.concat([zipped, Buffer.alloc(9), zipped.subarray(0, 1)])],
    ['cut zstd', zstd.subarray(0, -1)],
    ['zstd without its checksum', zstd.subarray(0, -4)],
    ['zstd that is cut in its head', zstd.subarray(0, 5)],
    ['corrupt zstd', flipped(zstd)],
    ['zstd followed by something else', Buffer.concat([zstd, Buffer.from('{"d":4}\n')])],
    // zstd --long=27
    ['zstd with a window of 128 MB', base64('KLUv/QSIXQAAEAAAAgCxmxTwABZPdeoA')],
    ['cut bzip2', bzip2.subarray(0, -1)],
    ['bzip2 that is cut in its head', bzip2.subarray(0, 11)],
    ['corrupt bzip2', flipped(bzip2)],
    ['bzip2 followed by something else', Buffer.concat([bzip2, Buffer.from('{"d":4}\n')])],
  ])('refuses %s', async (_, content) => {
    for (const chunkBytes of [1, 1000, 1 << 20]) {
      await expect(read(content, 'text', chunkBytes)).rejects.toMatchObject({
        code: 's3.bad_content',
        message: expect.stringContaining('corrupt or cut short'),
      });
    }
  });

  it.each([
    ['a gzip object that is cut', zipped.subarray(0, -1), 5000],
    ['a gzip object that is cut in its midst', gzipSync(numbered(5000), { level: 0 }).subarray(0, 20_000), 2100],
    ['the first of two members', Buffer.concat([zipped, flipped(zipped)]), 5000],
  ])('gives the records that stand whole before the fault of %s', async (_, content, count) => {
    for (const chunkBytes of [100, 1000, 1 << 16]) {
      const lines: string[] = [];
      const reading = readObjectRecords({ chunks: inChunks(content, chunkBytes), format: 'text', limits });
      await expect(async () => {
        for await (const batch of reading) lines.push(...batch.map(({ bytes }) => asText(bytes)));
      }).rejects.toMatchObject({ code: 's3.bad_content' });
      expect(lines.slice(0, count)).toEqual(Array.from({ length: count }, (__, index) => `line ${index}`));
    }
  });

  it.each([
    ['zip', 'PK\u0003\u0004\u0014'],
    ['xz', '\u00fd7zXZ\u0000\u0000'],
    ['lz4', '\u0004"M\u0018'],
  ])('refuses %s by its name', async (name, content) => {
    await expect(read(Buffer.from(content, 'latin1'))).rejects.toMatchObject({
      code: 's3.bad_content',
      message: `the object is compressed with ${name}; gzip, zstd, bzip2 and plain are read`,
    });
  });

  it('names the limit that a small object passes when it is decompressed, and its variable', async () => {
    const bomb = zstdFrame(Array.from({ length: 2000 }, () => 'run'));
    for (const [given, message] of [
      [limits, 'the object decompresses to more than 1000 times its size (MAX_OBJECT_RATIO)'],
      [{ ratioMax: 1_000_000, megabytesMax: 100 }, 'the object is longer than 100 MB (MAX_OBJECT_MB)'],
    ] as const) {
      const reading = collect(readObjectRecords({ chunks: inChunks(bomb, 1000), format: 'text', limits: given }));
      await expect(reading).rejects.toMatchObject({ code: 's3.bad_content', message });
    }
    // ten times 128 KB of one letter from 40 bytes are many times as well, and harm nobody
    expect(await read(zstdFrame(Array.from({ length: 10 }, () => 'run')))).toHaveLength(1);
  });

  it('limits what is not compressed, too', async () => {
    const content = 'line\n'.repeat(250_000);
    const reading = collect(
      readObjectRecords({ chunks: inChunks(content, 65_536), format: 'text', limits: { ...limits, megabytesMax: 1 } }),
    );
    await expect(reading).rejects.toMatchObject({ code: 's3.bad_content' });
  });

  it('takes text for text though it begins like a signature', async () => {
    expect(await texts('BZh9 is a word\nPK\u0003')).toEqual(['BZh9 is a word', 'PK\u0003']);
  });

  it('gives batches of about 250 records or 256 KB', async () => {
    const short = await collect(readObjectRecords({ chunks: inChunks('x\n'.repeat(600)), format: 'text', limits }));
    expect(short.map((batch) => batch.length)).toEqual([250, 250, 100]);
    const long = `${'x'.repeat(100_000)}\n`;
    const batches = await collect(
      readObjectRecords({ chunks: inChunks(long.repeat(6), 65_536), format: 'text', limits }),
    );
    expect(batches.map((batch) => batch.length)).toEqual([3, 3]);
  });

  it('marks a line that is too long and keeps its beginning', async () => {
    async function* chunks() {
      yield Buffer.from('first\n');
      const filler = Buffer.alloc(1 << 20, 'x');
      for (let count = 0; count < 65; count += 1) yield filler;
      yield Buffer.from('\nlast\n');
    }
    const records = (await collect(readObjectRecords({ chunks: chunks(), format: 'text', limits }))).flat();
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
      await expect(collect(readObjectRecords({ chunks: failing(content), format: 'text', limits }))).rejects.toBe(
        reason,
      );
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
      for await (const batch of readObjectRecords({ chunks: chunks(), format: 'text', limits })) {
        expect(batch).toHaveLength(250);
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
      for await (const _ of readObjectRecords({
        chunks: endless(),
        format: 'text',
        limits,
        signal: controller.signal,
      })) {
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
  });

  it('inflates little of a chunk before the limits are looked at', async () => {
    const megabyte = Buffer.alloc(1 << 20, 'x');
    const zipping = pipeline(Readable.from(Array.from({ length: 200 }, () => megabyte)), createGzip(), () => undefined);
    const bomb = Buffer.concat(await collect(zipping));
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const reading = decompress(inChunks(bomb, bomb.length), limits);
    await reading.next();
    collectGarbage();
    const heldBytes = process.memoryUsage().arrayBuffers - before;
    await reading.return();
    // what 16 KB may become, twice: in use, and inflated meanwhile
    expect(heldBytes).toBeLessThan(40 << 20);
  });

  const record = JSON.stringify({
    guid: 'x'.repeat(40),
    parts: Array.from({ length: 12 }, (_, n) => ({ n, md5: 'f'.repeat(32) })),
  });
  const block = Buffer.from(`${record}\n`.repeat(300));
  async function* blocks() {
    for (let sizeBytes = 0; sizeBytes < 200 << 20; sizeBytes += block.length) yield Buffer.from(block);
  }
  async function* zstdFrames() {
    for await (const content of blocks()) {
      const cuts = Array.from({ length: Math.ceil(content.length / 100_000) }, (_, n) => n * 100_000);
      yield zstdFrame(cuts.map((from) => content.subarray(from, from + 100_000)));
    }
  }
  it.each([
    ['lines', 'text', blocks],
    ['zstd of JSON lines', 'json', zstdFrames],
    ['gzip of JSON lines', 'json', () => pipeline(Readable.from(blocks()), createGzip({ level: 1 }), () => undefined)],
  ] as const)('needs no more memory for 200 MB than for a few: %s', async (_, format, chunks) => {
    let count = 0;
    let batchCount = 0;
    const heldBytes: number[] = [];
    for await (const batch of readObjectRecords({ chunks: chunks(), format, limits })) {
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
