/** tenants.yaml: what an operator says about tenants and their sources. Secrets stand here by reference only. */
import { z } from 'zod';
import { tableNames } from '../tables/table.ts';
import { parseIsoMicros } from '../tables/time.ts';
import { isTimeZone } from '../tables/zone.ts';
import { parseDuration } from './duration.ts';

/** Temporal ids, search attributes and object keys are made of these names. */
const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,62}$/,
    'must be 1 to 63 lower-case letters, digits, "-" or "_", beginning with a letter or digit',
  );

const secretRef = z
  .string()
  .regex(
    /^(env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/,
    'must be a reference, env:NAME or file:/absolute/path; a secret itself does not belong here',
  );

const durationWords = 'must be a duration such as 30s, 5m, 1h or 7d';

const duration = z.string(durationWords).transform((value, context) => {
  const seconds = parseDuration(value);
  if (seconds === undefined) {
    context.addIssue({ code: 'custom', message: durationWords });
    return z.NEVER;
  }
  return seconds;
});

/** Epoch milliseconds; undefined for what is no UTC time, days that a month does not have among it. */
function utcMs(value: string): number | undefined {
  const micros = /T.*Z$/.test(value) ? parseIsoMicros(value) : undefined;
  return micros === undefined ? undefined : micros / 1000;
}

const startFrom = z
  .string()
  .refine(
    (value) => (value.startsWith('-') ? parseDuration(value.slice(1)) !== undefined : utcMs(value) !== undefined),
    'must be a span back from now such as -7d, or a UTC time such as 2026-01-31T00:00:00Z',
  )
  .refine((value) => (utcMs(value) ?? 0) <= Date.now(), 'must not lie in the future: the source would wait until then');

const between = (low: number, high: number, words: string) =>
  duration.pipe(z.number().min(low, `must be ${words}`).max(high, `must be ${words}`));

/** All TAP times are whole UTC minutes: windows then tile hours without a rest. */
const minutes = between(60, 3600, 'between 1m and 1h').pipe(
  z.number().multipleOf(60, 'must be whole minutes such as 1m, 5m or 1h'),
);

export const tapSettings = z.strictObject({
  kind: z.literal('tap'),
  principal: secretRef,
  secret: secretRef,
  startFrom: startFrom.default('-7d'),
  /** Time between two live reads, seconds. */
  every: minutes.prefault('5m'),
  /** Live reads end this long before now, seconds. */
  lag: minutes.prefault('1m'),
  /** Ages at which a closed hour is read again, seconds. */
  settle: z
    .array(between(60, 6 * 86_400, 'between 1m and 6d'))
    .max(4)
    // equal ages are one pass, whose windows would be counted and read twice
    .refine((ages) => new Set(ages).size === ages.length, 'must not hold the same age twice: 60m is 1h')
    .prefault(['35m', '24h']),
  /** Longest window of one request, seconds. The vendor takes up to 1 h. */
  window: minutes.prefault('1h'),
  baseUrl: z.url({ protocol: /^https?$/ }).default('https://tap-api-v2.proofpoint.com'),
});

/** Units from the largest on, so that the order of keys is the order of time. */
const layout = z
  .string()
  .max(200)
  .regex(
    /^[^%]*%Y[^%]*%m[^%]*%d([^%]*%H)?[^%]*$/,
    'must hold %Y, %m, %d and perhaps %H in this order, such as year=%Y/month=%m/day=%d/',
  );

/** Stores that are not AWS, and buckets that are old, have capitals and "_". A URI of an object ends its bucket at the first "/". */
const bucket = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/,
    'must be 3 to 63 letters, digits, ".", "-" or "_"; of an access point give the alias, not the ARN',
  );

export const s3Settings = z
  .strictObject({
    kind: z.literal('s3'),
    /** `proofpoint_on_demand`: messages and maillog lie in one prefix, and each record says what it is. */
    table: z.enum([...tableNames.filter((table) => !table.startsWith('proofpoint_tap_')), 'proofpoint_on_demand']),
    bucket,
    prefix: z.string().max(1024).default(''),
    /** Of gateway lines whose time has none. */
    timezone: z.string().refine(isTimeZone, 'must be a time zone such as UTC or Europe/Berlin').optional(),
    /** Time between two listings, seconds. */
    every: between(10, 86_400, 'between 10s and 1d').prefault('1m'),
    endpoint: z.url({ protocol: /^https?$/ }).optional(),
    region: z.string().min(1).default('us-east-1'),
    accessKeyId: secretRef.optional(),
    secretAccessKey: secretRef.optional(),
    /** A role that the credentials above, or the AWS chain, may assume. */
    assumeRole: z
      .strictObject({
        roleArn: z.string().regex(/^arn:[\w-]+:iam::\d{12}:role\/.+$/, 'must be the ARN of a role'),
        /** What the role's owner asks for, so that nobody else can have us assume it. */
        externalId: secretRef.optional(),
        /** Of a token service that is not AWS. */
        endpoint: z.url({ protocol: /^https?$/ }).optional(),
      })
      .optional(),
    /** Who lists and reads pays, not the bucket's owner. */
    requesterPays: z.boolean().default(false),
    /** Other sources read the same place, and say so too. */
    shared: z.boolean().default(false),
    /** How the keys below the prefix begin with their date: `%Y`, `%m`, `%d`, `%H` from the left. */
    layout: layout.optional(),
    /** A key may come this long after later ones and is still found by the look-back, seconds. */
    lookBack: between(0, 30 * 86_400, 'between 0s and 30d').prefault('1h'),
    /** Time between two listings of the whole prefix, seconds. */
    reconcile: between(600, 30 * 86_400, 'between 10m and 30d').prefault('24h'),
    /** A queue that says at once what was uploaded; listing goes on beside it. */
    notifications: z
      .strictObject({
        /** As SQS names it, or a server that speaks its protocol. In one spelling, because two would be two queues that take each other's messages. */
        queueUrl: z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).href.replace(/\/+$/, '')),
        /** Default: the region of the source. */
        region: z.string().min(1).optional(),
        /** Time between two looks at an empty queue, seconds. */
        every: between(1, 3600, 'between 1s and 1h').prefault('10s'),
      })
      .optional(),
  })
  .refine((source) => (source.accessKeyId === undefined) === (source.secretAccessKey === undefined), {
    message: 'accessKeyId and secretAccessKey go together',
    path: ['secretAccessKey'],
  })
  .refine((source) => source.timezone === undefined || source.table.startsWith('proofpoint_gateway_'), {
    message: 'is for gateway tables: records of the others say their zone',
    path: ['timezone'],
  });

const sourceSettings = z.discriminatedUnion('kind', [tapSettings, s3Settings]);

export const tenantsFile = z.strictObject({
  tenants: z.record(name, z.strictObject({ sources: z.record(name, sourceSettings) })),
});

export type TapSettings = z.output<typeof tapSettings>;
export type S3Settings = z.output<typeof s3Settings>;
export type SourceSettings = z.output<typeof sourceSettings>;
export type SourceKind = SourceSettings['kind'];
