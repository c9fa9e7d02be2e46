/** Reads an object through broken connections: what is missing is asked for from the byte that was reached. */
import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../errors/ingest-error.ts';

/** An answer to a request for the object from some byte to its end. */
export interface ObjectPart {
  readonly body: AsyncIterable<Uint8Array>;
  /** Where in the object it begins: 0 from a store that takes no ranges. */
  readonly offsetBytes: number;
  /** Where in the object it ends; undefined where the store does not say. */
  readonly endBytes: number | undefined;
}

export interface Download {
  readonly first: ObjectPart;
  /** Asks for the same version from a byte on. Throws IngestError and the signal's reason. */
  readonly request: (offsetBytes: number) => Promise<ObjectPart>;
  /** What to throw for what a body throws. */
  readonly cast: (error: unknown) => unknown;
  readonly signal?: AbortSignal | undefined;
}

/** In a row, each of which brought less than `progressBytes`: a long object may break often, a dead store not for ever. */
const failuresMax = 5;
const progressBytes = 1 << 20;
const firstPauseMs = 100;

/** The object's bytes, each once and in order. Throws what `request` throws, `s3.unreachable` or `s3.unavailable` once it gives up. */
export async function* download({
  first,
  request,
  cast,
  signal,
}: Download): AsyncGenerator<Uint8Array, void, undefined> {
  let next: ObjectPart | undefined = first;
  let endBytes = first.endBytes;
  let readBytes = 0;
  let progressedTo = 0;
  let failures = 0;
  for (;;) {
    try {
      const part: ObjectPart = next ?? (await request(readBytes));
      next = undefined;
      endBytes = part.endBytes ?? endBytes;
      for await (const chunk of behind(part, readBytes)) {
        readBytes += chunk.length;
        yield chunk;
        // Some stores send the whole object's checksum with a range, and the SDK would compare it at the range's end.
        if (part !== first && readBytes === endBytes) return;
      }
      if (endBytes === undefined || readBytes >= endBytes) return;
      throw new IngestError('s3.unreachable', `S3: an object ended after ${readBytes} of ${endBytes} bytes`);
    } catch (error) {
      const failure = cast(error);
      // Whole, and yet an error: its checksum is another.
      if (!mayPass(failure) || readBytes === endBytes) throw failure;
      if (readBytes - progressedTo >= progressBytes) failures = 0;
      progressedTo = readBytes;
      failures += 1;
      if (failures > failuresMax) throw failure;
    }
    await pause(firstPauseMs * 2 ** (failures - 1), signal);
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof IngestError && error.directive === 'retry';
}

async function* behind(
  { body, offsetBytes }: ObjectPart,
  readBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let skipBytes = readBytes - offsetBytes;
  if (skipBytes < 0) throw new IngestError('s3.unavailable', 'S3: a range begins behind the byte that was asked for');
  for await (const chunk of body) {
    if (skipBytes < chunk.length) yield skipBytes === 0 ? chunk : chunk.subarray(skipBytes);
    skipBytes = Math.max(0, skipBytes - chunk.length);
  }
}

/** Half of the pause is chance, so that downloads that broke together do not return together. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds * (0.5 + Math.random() / 2), undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
}
