/** Reads one TAP window from the vendor and lands its raw answer. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { activityInfo, cancellationSignal, log } from '@temporalio/activity';
import { IngestError } from '../errors/ingest-error.ts';
import { batchId } from '../sources/batch.ts';
import { readTapBody } from '../sources/tap/body.ts';
import type { TapWindow } from '../sources/tap/client.ts';
import { isBelievableSkew } from '../sources/tap/vendor-clock.ts';
import type { FetchTapWindowInput, Landed } from './contracts.ts';
import { type Dependencies, tapCredentials } from './dependencies.ts';

export function createFetchTapWindow({ landing, tap, secrets, spillDirectory }: Dependencies) {
  /** Idempotent: what has landed once is not asked for again. Throws the codes of sources/tap and `landing.*`. */
  return async function fetchTapWindow(input: FetchTapWindowInput): Promise<Landed> {
    const id = batchId(input, input.batch);
    const key = landingKey(id);
    const requests = activityInfo().attempt;
    // an earlier attempt landed it and was lost before it could say so
    if (await landing.exists(key)) return { batchId: id, landed: 'exists', requests: requests - 1 };
    await mkdir(spillDirectory, { recursive: true });
    const download = join(spillDirectory, `${randomUUID()}.json.gz`);
    try {
      const { settings, batch } = input;
      const signal = cancellationSignal();
      const credentials = await tapCredentials(settings, secrets);
      const answer = await tap.readWindow({ settings, credentials, from: batch.from, to: batch.to, signal });
      await pipeline(Readable.from(whole(answer)), createGzip({ level: 4 }), createWriteStream(download), { signal });
      const clockSkewSeconds = believed(answer.clockSkewSeconds, id);
      const landed = await landing.putIfAbsent(key, download);
      return {
        batchId: id,
        landed,
        requests,
        ...(clockSkewSeconds === undefined ? {} : { clockSkewSeconds }),
      };
    } finally {
      await rm(download, { force: true });
    }
  };
}

/** A clock that is too far off to go by is left out, and told of here: nothing else shows it. */
function believed(skewSeconds: number | undefined, id: string): number | undefined {
  if (skewSeconds === undefined || isBelievableSkew(skewSeconds)) return skewSeconds;
  log.warn(`TAP: the Date header of the answer is ${skewSeconds} s off and is not gone by`, { batchId: id });
  return undefined;
}

/** Where the raw bytes of a batch lie. */
export function landingKey(id: string): string {
  return `${id.replaceAll(':', '')}.json.gz`;
}

/** Passes the body on and fails if it is cut short or malformed: what lands is final, so only a whole answer may land. */
async function* whole({ status, body }: TapWindow): AsyncGenerator<Uint8Array> {
  if (status === 204) {
    // "no events" without a body; what lands must read like any other answer
    for await (const chunk of body)
      if (chunk.length > 0) throw new IngestError('tap.bad_body', 'TAP: a 204 answer has a body');
    yield Buffer.from('{"messagesDelivered":[]}');
    return;
  }
  const passed: Uint8Array[] = [];
  const watched = (async function* () {
    for await (const chunk of body) {
      passed.push(chunk);
      yield chunk;
    }
  })();
  for await (const records of readTapBody(watched)) if (records.length > 0) yield* passed.splice(0);
  yield* passed;
}
