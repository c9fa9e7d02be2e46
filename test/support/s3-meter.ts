/** A line between the product and an S3 server that counts what really reaches the server. */
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { serve } from '../sources/streams.ts';

/** One List request and its answer. */
export interface ListRequest {
  /** Milliseconds of the machine's clock. */
  readonly atMs: number;
  /** Key behind which it begins; empty: the start of the prefix. */
  readonly startAfter: string;
  /** In the server's order. */
  readonly keys: readonly string[];
}

export interface GetRequest {
  readonly key: string;
  /** The version that was asked for. */
  readonly etag: string;
  /** Zero: the asker was gone before the server had answered. */
  readonly status: number;
}

export interface S3Meter {
  readonly url: string;
  readonly lists: readonly ListRequest[];
  readonly gets: readonly GetRequest[];
  close(): Promise<void>;
}

/** Forwards each request as it is: signatures cover the host that the product knows, and stay valid. */
export async function startS3Meter(endpoint: string): Promise<S3Meter> {
  const { hostname, port } = new URL(endpoint);
  const agent = new Agent({ keepAlive: true });
  const lists: ListRequest[] = [];
  const gets: GetRequest[] = [];
  const copies = new Map<string, string>();

  /** One string for all times that a key is listed, and none that keeps the answer in memory of which it is a part. */
  function copyOf(key: string): string {
    const known = copies.get(key);
    if (known !== undefined) return known;
    const copy = Buffer.from(key).toString();
    copies.set(copy, copy);
    return copy;
  }

  function note({ url = '', method, headers }: IncomingMessage, status: number, body: string): void {
    if (method !== 'GET') return;
    const { pathname, searchParams } = new URL(url, endpoint);
    if (searchParams.has('list-type')) {
      const keys = Array.from(body.matchAll(/<Key>([^<]*)<\/Key>/g), ([, key = '']) => copyOf(decodeURIComponent(key)));
      lists.push({ atMs: Date.now(), startAfter: searchParams.get('start-after') ?? '', keys });
      return;
    }
    const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
    gets.push({ key, etag: (headers['if-match'] ?? '').replaceAll('"', ''), status });
  }

  function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { url, method, headers } = incoming;
    const isList = url?.includes('list-type') ?? false;
    const body: Buffer[] = [];
    const asked = request({ agent, hostname, port, path: url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (isList) answer.on('data', (chunk: Buffer) => body.push(chunk));
      else note(incoming, answer.statusCode ?? 502, '');
      answer.on('end', () => isList && note(incoming, answer.statusCode ?? 502, Buffer.concat(body).toString()));
      answer.pipe(outgoing);
    });
    // a killed worker's request has reached the server all the same
    asked.on('error', () => {
      note(incoming, 0, '');
      outgoing.destroy();
    });
    incoming.pipe(asked);
  }

  const line = await serve(pass);
  return {
    url: line.url,
    lists,
    gets,
    async close() {
      await line.close();
      agent.destroy();
    },
  };
}
