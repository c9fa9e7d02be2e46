/** How an answer goes out: well, compressed, or spoiled on the way. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';

export async function send(of: {
  response: ServerResponse;
  body: Generator<string>;
  compress: boolean;
}): Promise<void> {
  const { response } = of;
  const body = Readable.from(of.body);
  if (of.compress) response.setHeader('Content-Encoding', 'gzip');
  const sent = of.compress ? pipeline(body, createGzip(), response) : pipeline(body, response);
  // A client that leaves early is its own affair.
  await sent.catch(() => undefined);
}

export async function spoil(
  response: ServerResponse,
  body: Buffer,
  fault: 'reset' | 'truncated' | 'cut' | 'slow',
  slowMs: number,
): Promise<void> {
  const half = Math.floor(body.length / 2);
  if (fault === 'cut') response.setHeader('Content-Length', body.length);
  await new Promise((resolve) => response.write(body.subarray(0, half), resolve));
  switch (fault) {
    case 'truncated':
      response.end();
      break;
    case 'cut':
      response.socket?.end();
      break;
    case 'reset':
      response.socket?.resetAndDestroy();
      break;
    case 'slow':
      await sleep(slowMs, undefined, { ref: false });
      response.end(body.subarray(half));
      break;
  }
}

export function html(refuse: () => void, response: ServerResponse): void {
  response.setHeader('Content-Type', 'text/html');
  refuse();
}

export function text(response: ServerResponse, status: number, words: string): void {
  if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'text/plain;charset=UTF-8');
  response.writeHead(status).end(words);
}
