/** Reads an object through broken connections: what is missing is asked for from the byte that was reached. */
import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../errors/ingest-error.ts';

/** An answer to a request for the object from some byte to its end. */
export interface ObjectPart {
  readonly body: AsyncIterable<Uint8Array> & { destroy(): unknown };
  /** Where in the object it begins: 0 from a store that takes no ranges. */
  readonly offsetBytes: number;
  /** Where the object ends by its account; undefined where the store does not say. */
  readonly endBytes: number | undefined;
}

export interface Download {
  readonly first: ObjectPart;
  /** Size by the listing; undefined where that does not say. */
  readonly listedBytes?: number | undefined;
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

/**
 * The object's bytes, each once and in order, and as many as the listing and the first answer say: a later one cannot make it shorter. More than
 * were listed may come where no answer says how many, from a store that unpacks an object on its way. Throws what `request` throws,
 * `s3.unreachable` or `s3.unavailable` once it gives up.
 */
export async function* download({
  first,
  listedBytes,
  request,
  cast,
  signal,
}: Download): AsyncGenerator<Uint8Array, void, undefined> {
  let next: ObjectPart | undefined = first;
  let endBytes: number | undefined;
  let readBytes = 0;
  let progressedTo = 0;
  let failures = 0;
  for (;;) {
    try {
      const part: ObjectPart = next ?? (await request(readBytes));
      next = undefined;
      checkPart(part, readBytes, endBytes ?? listedBytes);
      endBytes ??= part.endBytes;
      for await (const chunk of behind(part, readBytes)) {
        readBytes += chunk.length;
        yield chunk;
        // Some stores send the whole object's checksum with a range, and the SDK would compare it at the range's end.
        if (part !== first && readBytes === endBytes) return;
      }
      if (endBytes === undefined ? readBytes >= (listedBytes ?? 0) : readBytes === endBytes) return;
      const wholeBytes = endBytes ?? listedBytes;
      throw new IngestError('s3.unreachable', `S3: an object ended after ${readBytes} of ${wholeBytes} bytes`);
    } catch (error) {
      const failure = cast(error);
      // Whole, and yet an error: its checksum is another.
      if (!mayPass(failure) || readBytes === (endBytes ?? listedBytes)) throw failure;
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

/** @throws IngestError `s3.unavailable` where the answer leaves bytes out, or is about an object of another size */
function checkPart({ body, offsetBytes, endBytes }: ObjectPart, readBytes: number, wholeBytes: number | undefined) {
  const isOfThatSize = endBytes === undefined || wholeBytes === undefined || endBytes === wholeBytes;
  if (isOfThatSize && offsetBytes <= readBytes) return;
  body.destroy();
  throw new IngestError(
    's3.unavailable',
    isOfThatSize
      ? 'S3: a range begins behind the byte that was asked for'
      : `S3: an object of ${wholeBytes} bytes was answered as one of ${endBytes}`,
  );
}

async function* behind(
  { body, offsetBytes }: ObjectPart,
  readBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let skipBytes = readBytes - offsetBytes;
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
