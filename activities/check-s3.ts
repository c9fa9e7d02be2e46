/** What an S3 source needs, to the rows that its newest object would become. */
import { formOf } from '../sources/record-splitter.ts';
import { type Beginning, readBeginning } from '../sources/s3/beginning.ts';
import type { ListedObject, ObjectStore } from '../sources/s3/client.ts';
import { findNewest } from '../sources/s3/newest.ts';
import type { S3Settings } from '../sources/settings.ts';
import type { CheckStep, Outcome } from './check-source.ts';
import type { ObjectSample, TableSample } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { type Sampled, sampleRecords } from './sample-records.ts';

/** Decompressed; hundreds of records of any table. */
const beginningBytesMax = 4 << 20;
const keyLengthMax = 120;

/** In this order: a step uses what those before it have found, and leaves itself out where that is nothing. */
export function s3Steps(
  { stores, queues, objectLimits }: Pick<Dependencies, 'stores' | 'queues' | 'objectLimits'>,
  settings: S3Settings,
  signal: AbortSignal,
): CheckStep[] {
  let store: ObjectStore;
  let newest: ListedObject | undefined;
  return [
    {
      name: 'credentials',
      async run() {
        store = await stores.of(settings);
        await store.authorize();
        return { message: credentialWords(settings) };
      },
    },
    {
      name: 'list the prefix',
      async run() {
        const { object, seen, more, after } = await findNewest(store, settings, Date.now(), signal);
        newest = object;
        const place = `s3://${settings.bucket}/${settings.prefix}`;
        if (object === undefined) return { message: `nothing there yet below ${place}` };
        const behind = after === '' ? '' : `, behind ${shortened(after)}`;
        return { message: `${seen}${more ? ' or more' : ''} objects below ${place}${behind}` };
      },
    },
    ...queueSteps(queues, settings, signal),
    {
      name: 'get the newest object',
      async run() {
        if (newest === undefined) return undefined;
        const found = await store.head({ key: newest.key, signal });
        if (found === undefined) return { ...overwritten(newest.key), ok: false };
        newest = found;
        return { message: `${shortened(found.key)}: ${found.sizeBytes} bytes, uploaded ${found.lastModified}` };
      },
    },
    {
      name: 'decrypt it',
      async run() {
        if (newest === undefined) return undefined;
        const chunks = (await store.open({ ...newest, signal }))[Symbol.asyncIterator]();
        try {
          await chunks.next();
        } finally {
          await chunks.return?.();
        }
        return { message: 'its bytes can be read' };
      },
    },
    {
      name: 'recognize its records',
      async run() {
        if (newest === undefined) return undefined;
        const chunks = await store.open({ ...newest, signal });
        return recognize(await readBeginning(chunks, objectLimits, beginningBytesMax), settings, newest);
      },
    },
  ];
}

function credentialWords({ accessKeyId, secretAccessKey, assumeRole }: S3Settings): string {
  const own =
    accessKeyId === undefined
      ? 'the AWS chain of the worker gives some'
      : `${accessKeyId} and ${String(secretAccessKey)} are there`;
  return assumeRole === undefined ? own : `${own}; ${assumeRole.roleArn} was assumed`;
}

/** That messages may be received and deleted too, only receiving and deleting one would show. */
function queueSteps(queues: Dependencies['queues'], settings: S3Settings, signal: AbortSignal): CheckStep[] {
  if (settings.notifications === undefined) return [];
  const { queueUrl, region = settings.region } = settings.notifications;
  return [
    {
      name: 'ask the notification queue',
      async run() {
        const queue = await queues.of({ queueUrl, region, reader: settings });
        const { waiting, inFlight } = await queue.depth(signal);
        return { message: `about ${waiting} messages wait in ${queueUrl}, ${inFlight} are being read` };
      },
    },
  ];
}

function overwritten(key: string): Outcome {
  return {
    message: `${shortened(key)} was removed after it was listed`,
    remedy: 'try again; where it happens again, see who else deletes objects of this prefix',
  };
}

/** One of each kind of records; those that the vendor's API brings are among them because some ship them by S3. */
const otherTables = [
  'proofpoint_gateway_filter_logs',
  'proofpoint_gateway_sendmail_logs',
  'proofpoint_on_demand_message',
  'proofpoint_on_demand_maillog',
  'proofpoint_tap_messages_delivered',
  'proofpoint_tap_clicks_permitted',
] as const;

/** Another table has to fit so much better to be believed. */
const fitFactor = 1.25;

function recognize(
  beginning: Beginning,
  { table, timezone }: Pick<S3Settings, 'table' | 'timezone'>,
  { key, lastModified }: Pick<ListedObject, 'key' | 'lastModified'>,
): Outcome {
  const sampleAs = (name: Parameters<typeof sampleRecords>[1]) =>
    sampleRecords(beginning, name, { fallbackTime: Date.parse(lastModified) * 1000, timeZone: timezone });
  const chosen = sampleAs(table);
  const sample: ObjectSample = {
    key: shortened(key),
    compression: beginning.compression,
    form: formWords(beginning),
    sizeBytes: beginning.bytes.length,
    isWhole: beginning.isWhole,
    tables: chosen.tables,
  };
  const records = count(chosen, (each) => each.records);
  if (records === 0)
    return { message: beginning.isWhole ? 'the object is empty' : 'no record ends in its beginning', sample };
  const others = otherTables.map((name) => ({ name, sampled: sampleAs(name) }));
  const better = others.toSorted((a, b) => b.sampled.fit - a.sampled.fit)[0];
  if (better !== undefined && better.sampled.fit > chosen.fit * fitFactor) {
    return {
      ok: false,
      message: `the records are ${better.name}, not ${table}`,
      remedy: `set the table of the source to ${better.name}, or correct its prefix`,
      sample: { ...sample, tables: better.sampled.tables },
    };
  }
  const rows = count(chosen, (each) => each.rows);
  if (rows === 0) {
    return {
      ok: false,
      message: `none of ${records} records can be read as ${table}`,
      remedy: 'compare the object with the page of the table in docs/tables, or correct table or prefix of the source',
      sample,
    };
  }
  const names = chosen.tables.map((each) => each.table).join(' and ');
  const rest = rows === records ? '' : `, ${records - rows} would be dead letters`;
  return { message: `${rows} of ${records} records are rows of ${names}${rest}`, sample };
}

function count({ tables }: Sampled, of: (sample: TableSample) => number): number {
  return tables.reduce((sum, sample) => sum + of(sample), 0);
}

function formWords({ bytes, isWhole }: Beginning): ObjectSample['form'] {
  const form = formOf(bytes, isWhole);
  if (form === 'json') return 'JSON';
  return form === 'csv' ? 'CSV' : 'lines of text';
}

function shortened(key: string): string {
  return key.length <= keyLengthMax ? key : `…${key.slice(1 - keyLengthMax)}`;
}
