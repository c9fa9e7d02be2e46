/** Objects of one source, side by side from their bucket to the lake. Whoever found them: a listing, or a queue. */
import { log } from '@temporalio/activity';
import pMap from 'p-map';
import { IngestError, policies } from '../errors/ingest-error.ts';
import type { Lake } from '../lake/lake.ts';
import { batchId, type ObjectBatch, type SourceName } from '../sources/batch.ts';
import type { S3Settings } from '../sources/settings.ts';
import type { FailedObject, Loaded, LoadedObjects, LoadObjectsInput, ObjectToLoad } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { openObject, totals } from './load-batch.ts';

/** Side by side, all of a group, so that one commit takes many: each waits for it. All of a group together are small: memory does not grow by it. */
export const objectsAtOnceMax = 100;

/** An object that is overwritten again each time it is read is left for the next listing after so many tries. */
const versionsMax = 3;

/** So many failures are told; the rest is counted. */
const failedMax = 20;

export interface GroupDependencies extends Pick<Dependencies, 'stores' | 'objectLimits'> {
  readonly lake: Pick<Lake, 'load' | 'receipts'>;
}

export type Outcome =
  | {
      readonly kind: 'loaded';
      readonly loaded: Loaded;
      readonly archived: boolean;
      /** The ledger had it before. */
      readonly known: boolean;
    }
  | { readonly kind: 'gone' }
  | { readonly kind: 'failed'; readonly object: ObjectToLoad; readonly error: unknown };

/** In the order of the objects. What the ledger has is not read again; a failure is an outcome of its object. */
export async function loadGroup(
  dependencies: GroupDependencies,
  { objects, settings, tenantId, sourceId }: LoadObjectsInput,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const name = { tenantId, sourceId };
  const idOf = (object: ObjectToLoad) => batchId(name, toBatch(settings, object));
  const earlier = await dependencies.lake.receipts(objects.map(idOf));
  return pMap(
    objects,
    async (object): Promise<Outcome> => {
      const receipt = earlier.get(idOf(object));
      if (receipt !== undefined) return { kind: 'loaded', loaded: totals(receipt), archived: false, known: true };
      try {
        return await loadObject(dependencies, { name, settings, object, signal });
      } catch (error) {
        return { kind: 'failed', object, error };
      }
    },
    { concurrency: objectsAtOnceMax },
  );
}

interface LoadObject {
  readonly name: SourceName;
  readonly settings: S3Settings;
  readonly object: ObjectToLoad;
  readonly signal: AbortSignal;
}

/** The version that was listed or, where that is no more, the current one. */
async function loadObject(
  dependencies: GroupDependencies,
  { name, settings, object, signal }: LoadObject,
): Promise<Outcome> {
  const { lake, stores } = dependencies;
  let current = object;
  for (let version = 1; ; version += 1) {
    const { header, tableNames, fill } = openObject(dependencies, name, toBatch(settings, current), settings, signal);
    try {
      const receipt = await lake.load(header, tableNames, fill);
      return { kind: 'loaded', loaded: totals(receipt), archived: false, known: false };
    } catch (error) {
      const code = error instanceof IngestError ? error.code : undefined;
      if (code === 's3.object_missing') return { kind: 'gone' };
      if (code === 's3.object_archived') {
        log.warn('an archived object became a dead letter', { uri: header.uri });
        const receipt = await lake.load(header, tableNames, async (stage) => {
          const reason = `${(error as IngestError).message}; ${policies['s3.object_archived'].remedy}`;
          stage.addDeadLetter({
            table: tableNames[0] as (typeof tableNames)[number],
            // the bytes cannot be had: the letter holds what leads to them
            record: { bytes: Buffer.from(header.batchId), offset: 0, line: 1 },
            reject: { code: 'archived_object', reason },
          });
        });
        return { kind: 'loaded', loaded: totals(receipt), archived: true, known: false };
      }
      if (code !== 's3.object_changed' || version === versionsMax) throw error;
      const store = await stores.of(settings);
      const head = await store.head({ key: object.key, signal });
      if (head === undefined) return { kind: 'gone' };
      current = head;
    }
  }
}

function toBatch({ bucket }: S3Settings, object: ObjectToLoad): ObjectBatch {
  return { kind: 's3', bucket, ...object };
}

/** What the outcomes come to. An error that is no IngestError is a defect, and not among the failures told. */
export function summary(outcomes: readonly Outcome[], attempts: number): LoadedObjects {
  const loaded = outcomes.flatMap((outcome) => (outcome.kind === 'loaded' ? [outcome] : []));
  const failed = outcomes.flatMap((outcome) =>
    outcome.kind === 'failed' && outcome.error instanceof IngestError
      ? [toFailed(outcome.object, outcome.error, attempts)]
      : [],
  );
  const sum = (count: (each: Loaded) => number) => loaded.reduce((total, each) => total + count(each.loaded), 0);
  return {
    batches: loaded.length,
    records: sum(({ records }) => records),
    rows: sum(({ rows }) => rows),
    rowsAdded: sum(({ rowsAdded }) => rowsAdded),
    deadLetters: sum(({ deadLetters }) => deadLetters),
    gone: outcomes.filter(({ kind }) => kind === 'gone').length,
    archived: loaded.filter(({ archived }) => archived).length,
    failedCount: failed.length,
    failed: failed.slice(0, failedMax),
  };
}

function toFailed({ key }: ObjectToLoad, error: IngestError, attempts: number): FailedObject {
  const { code, message, directive, remedy, retryAfterSeconds } = error;
  return {
    key,
    code,
    message,
    directive,
    remedy,
    attempts,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}
