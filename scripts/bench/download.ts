/** Downloads and gunzips an object, and nothing else: `download.ts ENDPOINT BUCKET KEY`. Prints what it took as JSON. */
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { createS3Client } from '../../lake/s3-access.ts';

const [endpoint = '', bucket = '', key = ''] = process.argv.slice(2);
const s3 = createS3Client({ region: 'us-east-1', endpoint });
const cpuBefore = process.cpuUsage();
const startMs = performance.now();
const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
let bytes = 0;
for await (const chunk of (Body as Readable).pipe(createGunzip({ chunkSize: 64 << 10 })))
  bytes += (chunk as Buffer).length;
const seconds = (performance.now() - startMs) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
s3.destroy();
process.stdout.write(
  JSON.stringify({
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMemoryMegabytes: process.resourceUsage().maxRSS / 1024,
    bytes,
  }),
);
