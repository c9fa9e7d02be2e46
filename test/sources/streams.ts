/** Streams and servers that tests of sources read from. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `content` in chunks of `sizeBytes`. */
export async function* inChunks(
  content: string | Uint8Array,
  sizeBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (let from = 0; from < bytes.length; from += sizeBytes) yield bytes.subarray(from, from + sizeBytes);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** An HTTP server on a free port of 127.0.0.1. */
export async function serve(listener: RequestListener): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
