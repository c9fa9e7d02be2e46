import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Landing, openLanding } from '../../lake/landing.ts';
import { createS3Client, type S3Access } from '../../lake/s3-access.ts';
import { type S3Server, startS3Server } from '../../scripts/stack/s3-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const credentials = { accessKeyId: 'landing', secretAccessKey: 'landing-secret' };

/** What every landing owes, whatever it is made of. */
function conformance(open: () => Promise<Landing>): void {
  const files = temporaryDirectory('landed-files');
  const file = (text: string) => {
    const path = join(files, `${Math.random()}`);
    writeFileSync(path, text);
    return path;
  };
  let landing: Landing;
  beforeAll(async () => {
    landing = await open();
  });
  afterAll(() => landing.close());
  const read = async (key: string) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await landing.open(key)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };

  it('keeps what came first', async () => {
    const key = 'acme/tap/2026-01-31T0500Z/live.json.gz';
    expect(await landing.exists(key)).toBe(false);
    expect(await landing.putIfAbsent(key, file('first'))).toBe('stored');
    expect(await landing.putIfAbsent(key, file('second'))).toBe('exists');
    expect(await landing.exists(key)).toBe(true);
    expect(await read(key)).toBe('first');
  });

  it('lets exactly one of many writers win, and keeps the winner whole', async () => {
    for (let round = 0; round < 5; round += 1) {
      const key = `race/${round}`;
      const texts = Array.from({ length: 12 }, (_, writer) => `${writer}`.repeat(50_000));
      const outcomes = await Promise.all(texts.map((text) => landing.putIfAbsent(key, file(text))));
      expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1);
      expect(await read(key)).toBe(texts[outcomes.indexOf('stored')]);
    }
  });

  it('says when nothing lies there', async () => {
    await expect(landing.open('never/landed')).rejects.toMatchObject({ code: 'landing.missing' });
  });
}

describe('landing in a directory', () => {
  const root = temporaryDirectory('landing');
  conformance(() => openLanding(`file://${root}`, { region: 'us-east-1' }));

  it('refuses a key that would leave the directory', async () => {
    const landing = await openLanding(root, { region: 'us-east-1' });
    await expect(landing.putIfAbsent('../outside', '/dev/null')).rejects.toThrow('leaves the landing directory');
  });
});

describe('landing on S3', () => {
  const dataDir = temporaryDirectory('landing-s3');
  let server: S3Server;
  let access: S3Access;
  beforeAll(async () => {
    server = await startS3Server({ dataDir, ...credentials });
    access = { region: 'us-east-1', endpoint: server.endpoint, credentials };
    await createS3Client(access).send(new CreateBucketCommand({ Bucket: 'landing' }));
  });
  afterAll(() => server.close());
  conformance(() => openLanding('s3://landing/raw', access));

  it('names the bucket that is not there', async () => {
    await expect(openLanding('s3://nowhere', access)).rejects.toMatchObject({ code: 'landing.unavailable' });
  });
});

describe('landing on a store that overwrites', () => {
  let server: Server;
  beforeAll(async () => {
    // takes every PUT, as some S3 servers do with If-None-Match
    server = createServer((request, response) => {
      request.resume().once('end', () => response.writeHead(200, { etag: '"x"' }).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());

  it('is refused at the start', async () => {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const opening = openLanding('s3://landing', { region: 'us-east-1', endpoint, credentials });
    await expect(opening).rejects.toMatchObject({ code: 'landing.unsafe' });
  });
});

describe('landing on a store that breaks off', () => {
  let server: Server;
  beforeAll(async () => {
    let puts = 0;
    server = createServer((request, response) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-length': '100' }).write('half of it');
        setTimeout(() => response.destroy(), 50);
        return;
      }
      if (request.method === 'PUT') puts += 1;
      request.resume().once('end', () => response.writeHead(puts === 2 ? 412 : 200, { etag: '"x"' }).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());

  it('is unavailable, also in the midst of reading', async () => {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const landing = await openLanding('s3://landing', { region: 'us-east-1', endpoint, credentials });
    const chunks: Uint8Array[] = [];
    const reading = async () => {
      for await (const chunk of await landing.open('acme/window')) chunks.push(chunk);
    };
    await expect(reading()).rejects.toMatchObject({
      code: 'landing.unavailable',
      message: expect.stringContaining('acme/window'),
    });
    expect(Buffer.concat(chunks).toString()).toBe('half of it');
    landing.close();
  });
});
