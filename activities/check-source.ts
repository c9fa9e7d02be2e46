/** Tries what a source needs, one thing at a time, and changes nothing: `ppi sources test`. */
import { IngestError } from '../errors/ingest-error.ts';
import { isoSeconds } from '../sources/batch.ts';
import { readObjectRecords } from '../sources/s3/read.ts';
import type { S3Settings, TapSettings } from '../sources/settings.ts';
import { readTapBody } from '../sources/tap/body.ts';
import { chooseTable } from '../tables/choice.ts';
import type { Check, CheckSourceInput } from './contracts.ts';
import { type Dependencies, tapCredentials } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export function createCheckSource(dependencies: Dependencies) {
  /** Stops at the first check that fails: the later ones need it. A failed check is a result, not an error. */
  return function checkSource({ settings }: CheckSourceInput): Promise<Check[]> {
    return withHeartbeat(async (signal) => {
      const checks: Check[] = [];
      const steps =
        settings.kind === 'tap' ? tapSteps(dependencies, settings, signal) : s3Steps(dependencies, settings, signal);
      for (const [name, step] of steps) {
        try {
          checks.push({ name, ok: true, message: await step() });
        } catch (error) {
          if (!(error instanceof IngestError)) throw error;
          checks.push({ name, ok: false, message: error.message, remedy: error.remedy });
          break;
        }
      }
      return checks;
    });
  };
}

type Steps = (readonly [name: string, step: () => Promise<string>])[];

function tapSteps({ tap, secrets }: Dependencies, settings: TapSettings, signal: AbortSignal): Steps {
  return [
    [
      'secrets',
      async () => {
        await tapCredentials(settings, secrets);
        return `${settings.principal} and ${settings.secret} are there`;
      },
    ],
    [
      'read a window',
      async () => {
        const toMs = Math.floor(Date.now() / 60_000) * 60_000 - 60_000;
        const window = { from: isoSeconds(toMs - 60_000), to: isoSeconds(toMs) };
        const { body, vendorDate } = await tap.readWindow({
          settings,
          credentials: await tapCredentials(settings, secrets),
          ...window,
          signal,
        });
        let events = 0;
        for await (const records of readTapBody(body)) events += records.length;
        return `${events} events in the minute from ${window.from}; ${clockWords(vendorDate)}`;
      },
    ],
  ];
}

function clockWords(vendorDate: string | undefined): string {
  if (vendorDate === undefined) return 'the vendor sends no Date header';
  const seconds = Math.round((Date.parse(vendorDate) - Date.now()) / 1000);
  return Math.abs(seconds) <= 2
    ? 'clocks agree'
    : `the vendor's clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`;
}

function s3Steps({ stores, queues, objectLimits }: Dependencies, settings: S3Settings, signal: AbortSignal): Steps {
  const prefix = `s3://${settings.bucket}/${settings.prefix}`;
  const listed = async () => {
    const store = await stores.of(settings);
    return (await store.list({ prefix: settings.prefix, maxKeys: 1000 })).objects;
  };
  return [
    [
      'list the prefix',
      async () => {
        const objects = await listed();
        if (objects.length === 0) throw new IngestError('s3.no_objects', `${prefix} holds no objects`);
        return `${objects.length}${objects.length === 1000 ? ' or more' : ''} objects below ${prefix}`;
      },
    ],
    [
      'read and parse an object',
      async () => {
        const object = (await listed()).toSorted((a, b) => b.lastModified.localeCompare(a.lastModified))[0];
        if (object === undefined) throw new IngestError('s3.no_objects', `${prefix} holds no objects`);
        const choice = chooseTable(settings.table);
        const store = await stores.of(settings);
        const chunks = await store.open({ key: object.key, etag: object.etag, signal });
        let rows = 0;
        let rejects = 0;
        const origin = {
          tenantId: 'check',
          batchId: 'check',
          uri: `s3://${settings.bucket}/${object.key}`,
          fallbackTime: Date.parse(object.lastModified) * 1000,
          fallbackTimeSource: 'object',
          ingestedAt: Date.now() * 1000,
        } as const;
        for await (const records of readObjectRecords({ chunks, ...choice.form, limits: objectLimits, signal })) {
          for (const record of records) {
            if (choice.parse(record, origin).row === undefined) rejects += 1;
            else rows += 1;
          }
        }
        return `${object.key}: ${rows} rows for ${settings.table}, ${rejects} records that would be dead letters`;
      },
    ],
    ...queueSteps(queues, settings, signal),
  ];
}

/** That messages may be received and deleted too, only receiving and deleting one would show. */
function queueSteps(queues: Dependencies['queues'], settings: S3Settings, signal: AbortSignal): Steps {
  if (settings.notifications === undefined) return [];
  const { queueUrl, region = settings.region } = settings.notifications;
  return [
    [
      'ask the notification queue',
      async () => {
        const queue = await queues.of({ queueUrl, region, reader: settings });
        const { waiting, inFlight } = await queue.depth(signal);
        return `about ${waiting} messages wait in ${queueUrl}, ${inFlight} are being read`;
      },
    ],
  ];
}
